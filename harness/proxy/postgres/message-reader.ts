/**
 * The frontend/backend protocol 3.x of PostgreSQL is a stream of messages in each direction, once a start-up packet
 * without a type has opened it:
 *
 *   type (1 byte) | length (4 bytes, counts itself and the body) | body
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */

/** Types of what a client sends. */
export const frontendTypes = "BCDEFHPQSXcdfp";
/** Types of what a server sends. */
export const backendTypes = "123ACDEGHIKNRSTVWZcdnstv";

export const headBytes = 5;
/** Of a length that a message may have; PostgreSQL itself takes a little less. */
const longestBytes = 2 ** 30;

export interface MessageHead {
  readonly type: string;
  /** Of the whole message, its head included. */
  readonly sizeBytes: number;
}

/** As much of a message as one chunk has of it. */
export interface MessagePart extends MessageHead {
  readonly bytes: Buffer;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** Finds the bounds of messages in a stream, however it is cut; keeps no bytes. */
export class MessageReader {
  readonly #types: string;
  #head: MessageHead = { type: "", sizeBytes: 0 };
  #missingBytes = 0;

  /** @param types those that the stream may have */
  constructor(types: string) {
    this.#types = types;
  }

  /**
   * @param bytes the stream, from where the part before ended; not empty
   * @returns `incomplete` when the head of a message is not whole yet: to be asked again with more
   */
  next(bytes: Buffer): MessagePart | "incomplete" | "malformed" {
    const isFirst = this.#missingBytes === 0;
    if (isFirst) {
      const head = readHead(bytes, this.#types);
      if (typeof head === "string") return head;
      this.#head = head;
      this.#missingBytes = head.sizeBytes;
    }
    const part = bytes.subarray(0, this.#missingBytes);
    this.#missingBytes -= part.length;
    return { ...this.#head, bytes: part, isFirst, isLast: this.#missingBytes === 0 };
  }
}

/** The head of the message that bytes begin with. */
export function readHead(bytes: Buffer, types: string): MessageHead | "incomplete" | "malformed" {
  const type = String.fromCharCode(bytes[0] ?? 0);
  if (!types.includes(type)) return "malformed";
  if (bytes.length < headBytes) return "incomplete";
  const lengthBytes = bytes.readUInt32BE(1);
  if (lengthBytes < 4 || lengthBytes > longestBytes) return "malformed";
  return { type, sizeBytes: 1 + lengthBytes };
}

/** A message as it goes over the wire. */
export function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write(type, "latin1");
  head.writeUInt32BE(headBytes - 1 + body.length, 1);
  return Buffer.concat([head, body]);
}

/** A text that ends in a zero byte, from `offset` on; `undefined` when its end is not there. */
export function readText(
  bytes: Buffer,
  offset: number,
): { readonly text: string; readonly next: number } | undefined {
  const end = bytes.indexOf(0, offset);
  return end < 0 ? undefined : { text: bytes.toString("utf8", offset, end), next: end + 1 };
}

/** Texts that each end in a zero byte. */
export function texts(...given: readonly string[]): Buffer {
  return Buffer.from(given.map((text) => `${text}\0`).join(""));
}
