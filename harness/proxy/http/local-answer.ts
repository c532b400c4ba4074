import { STATUS_CODES } from "../../base/node-http.ts";
import type { ExchangeStep } from "./http-fault.ts";
import { HeaderLines } from "./header-lines.ts";
import {
  hasBody,
  headBytes,
  keepsAlive,
  parseAnswerHead,
  type AnswerHead,
  type RequestHead,
} from "./message-head.ts";
import type { Piece } from "./message-reader.ts";

type Answer = Extract<ExchangeStep, { readonly act: "answer" }>;

/** An answer as the callee could have made it, in the pieces in which one is read. */
export function localAnswer(
  { status, headers, body }: Answer,
  request: RequestHead,
  closes: boolean,
): readonly Piece<AnswerHead>[] {
  const reason = STATUS_CODES[status] ?? "";
  const data = status === 205 ? Buffer.alloc(0) : Buffer.from(body ?? `${reason || status}\n`);
  let lines = new HeaderLines("\r\n");
  if (hasBody("GET", status)) {
    if (data.length > 0) lines = lines.with("Content-Type", "text/plain; charset=utf-8");
    lines = lines.with("Content-Length", String(data.length));
  }
  for (const [name, value] of Object.entries(headers)) lines = lines.with(name, value);
  if (closes) lines = lines.with("Connection", "close");
  else if (request.minorVersion === 0) lines = lines.with("Connection", "keep-alive");
  const firstLine = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n\r\n`, "latin1");
  const bare = { bytes: firstLine, headers: new HeaderLines("\r\n") };
  const head = parseAnswerHead(headBytes(bare, lines), request.method);
  if (head === undefined) throw new Error(`made an answer ${status} that cannot be read`);
  return [
    { kind: "head", head },
    ...(head.framing.by === "nothing" ? [] : [{ kind: "data", bytes: data } as const]),
    { kind: "end" },
  ];
}

/** Whether a request that is answered without the callee ends the connection: it may or may not send its body. */
export function endsConnection(request: RequestHead): boolean {
  return !keepsAlive(request) || request.headers.has("expect", "100-continue");
}
