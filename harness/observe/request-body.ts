import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf, systemErrorCode } from "../base/errors.ts";

/** A request that is answered with an error. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Of what is sent, and of what it is when decompressed. */
export const bodyLimitBytes = 8_000_000;

export interface RequestBody {
  /** As it came, compressed or not. */
  readonly sent: Buffer;
  readonly content: Buffer;
}

const unzip = promisify(gunzip);

/** @throws {Refused} when it is too large, or compressed by other than gzip */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const tooLarge = `expected a body of at most ${bodyLimitBytes} bytes`;
  if (Number(request.headers["content-length"]) > bodyLimitBytes) throw new Refused(413, tooLarge);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimitBytes) throw new Refused(413, tooLarge);
    chunks.push(chunk);
  }
  const sent = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length);
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return { sent, content: sent };
  if (encoding !== "gzip") throw new Refused(415, `expected content-encoding gzip or none, got ${encoding}`);
  try {
    return { sent, content: await unzip(sent, { maxOutputLength: bodyLimitBytes }) };
  } catch (error) {
    if (systemErrorCode(error) === "ERR_BUFFER_TOO_LARGE") throw new Refused(413, tooLarge);
    throw new Refused(400, `expected gzip: ${messageOf(error)}`);
  }
}
