import {
  emptyLinesLength,
  mayBecomeAnswer,
  mayBecomeRequest,
  parseAnswerHead,
  parseRequestHead,
  type AnswerHead,
  type Framing,
  type MessageHead,
  type RequestHead,
} from "./message-head.ts";

/**
 * What a stream of messages is made of. The bytes of all pieces, one after the other, are the bytes of the stream.
 *
 *   head ─→ (framing | data)* ─→ end ─→ head …        unreadable: the stream is not HTTP/1.x from here on
 *   head of an interim answer ─→ head …
 */
export type Piece<H extends MessageHead> =
  | { readonly kind: "head"; readonly head: H }
  /** Bytes of the body itself. */
  | { readonly kind: "data"; readonly bytes: Buffer }
  /** Bytes around the data: sizes and ends of chunks, trailers. */
  | { readonly kind: "framing"; readonly bytes: Buffer }
  | { readonly kind: "end" }
  | { readonly kind: "unreadable" };

export type BodyPiece = Extract<Piece<MessageHead>, { readonly bytes: Buffer }>;

/** The largest head, and the largest trailers, in bytes. */
export const largestHeadBytes = 64 * 1_024;
/** The longest line that says a chunk's size, in bytes: extensions may stand behind it. */
const longestSizeLineBytes = 8 * 1_024;

type State = "head" | "data" | "size" | "data-end" | "trailers" | "end" | "unreadable";

const end = { kind: "end" } as const;
const unreadable = { kind: "unreadable" } as const;
const headEnd = Buffer.from("\r\n\r\n");
const lineEnd = Buffer.from("\r\n");
const empty: Buffer = Buffer.alloc(0);
const sizeLine = /^([0-9a-fA-F]{1,13})[ \t]*(?:;[^\r\n\0]*)?$/;

/** Reads messages out of a stream of chunks that is cut anywhere. */
abstract class MessageReader<H extends MessageHead> {
  #bytes = empty;
  /** How much of them has been given. */
  #at = 0;
  /** How much of a head has been searched for its end. */
  #searched = 0;
  #state: State = "head";
  #framing: Framing = { by: "nothing" };
  /** Of a body or a chunk by length: how much is still to come. */
  #leftBytes = 0;

  /** Gives more of the stream, once {@link step} has none left. */
  feed(chunk: Buffer): void {
    this.#bytes =
      this.#at === this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /** Takes back what has been fed and not given. */
  rest(): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    this.#bytes = empty;
    this.#at = 0;
    this.#searched = 0;
    return rest;
  }

  /** Bytes fed and not given yet. */
  get heldBytes(): number {
    return this.#bytes.length - this.#at;
  }

  /** The stream is over. @returns whether that ends a message as it should */
  finish(): boolean {
    const isWhole = this.#state === "data" && this.#framing.by === "close";
    if (isWhole) this.#state = "head";
    return isWhole;
  }

  /** @returns `undefined` when it takes more bytes to know more */
  protected step(
    mayBecome: (bytes: Buffer) => boolean,
    parse: (bytes: Buffer) => H | undefined,
  ): Piece<H> | undefined {
    switch (this.#state) {
      case "head":
        return this.#readHead(mayBecome, parse);
      case "data":
        return this.#readData();
      case "size":
        return this.#readSize();
      case "data-end":
        return this.#readDataEnd();
      case "trailers":
        return this.#readTrailers();
      case "end":
        this.#state = "head";
        return end;
      case "unreadable":
        return unreadable;
    }
  }

  #readHead(
    mayBecome: (bytes: Buffer) => boolean,
    parse: (bytes: Buffer) => H | undefined,
  ): Piece<H> | undefined {
    if (this.#at === this.#bytes.length) return undefined;
    const bytes = this.#bytes.subarray(this.#at);
    const from = Math.max(emptyLinesLength(bytes), this.#searched);
    const found = bytes.indexOf(headEnd, from);
    if (found < 0) {
      this.#searched = Math.max(0, bytes.length - 3);
      return bytes.length > largestHeadBytes || !mayBecome(bytes) ? this.#fail() : undefined;
    }
    const sizeBytes = found + headEnd.length;
    const head = sizeBytes > largestHeadBytes ? undefined : parse(bytes.subarray(0, sizeBytes));
    if (head === undefined) return this.#fail();
    this.#searched = 0;
    this.#at += sizeBytes;
    this.#framing = head.framing;
    switch (head.framing.by) {
      case "nothing":
        this.#state = "end";
        break;
      case "next-head":
        break;
      case "length":
        this.#state = "data";
        this.#leftBytes = head.framing.sizeBytes;
        break;
      case "chunks":
        this.#state = "size";
        break;
      case "close":
        this.#state = "data";
        this.#leftBytes = Infinity;
        break;
    }
    return { kind: "head", head };
  }

  #readData(): Piece<H> | undefined {
    const bytes = this.#bytes.subarray(this.#at, this.#at + this.#leftBytes);
    if (bytes.length === 0) return undefined;
    this.#at += bytes.length;
    this.#leftBytes -= bytes.length;
    if (this.#leftBytes === 0) this.#state = this.#framing.by === "chunks" ? "data-end" : "end";
    return { kind: "data", bytes };
  }

  #readSize(): Piece<H> | undefined {
    const line = this.#readLine(longestSizeLineBytes);
    if (line === undefined || line === "bad") return line && this.#fail();
    const size = sizeLine.exec(line.toString("latin1", 0, line.length - lineEnd.length))?.[1];
    if (size === undefined) return this.#fail();
    this.#leftBytes = parseInt(size, 16);
    this.#state = this.#leftBytes === 0 ? "trailers" : "data";
    this.#at += line.length;
    return { kind: "framing", bytes: line };
  }

  #readDataEnd(): Piece<H> | undefined {
    const line = this.#readLine(lineEnd.length);
    if (line === undefined || line === "bad") return line && this.#fail();
    this.#state = "size";
    this.#at += line.length;
    return { kind: "framing", bytes: line };
  }

  /** One line a time; the empty one is the last. */
  #readTrailers(): Piece<H> | undefined {
    const line = this.#readLine(largestHeadBytes);
    if (line === undefined || line === "bad") return line && this.#fail();
    if (line.length === lineEnd.length) this.#state = "end";
    this.#at += line.length;
    return { kind: "framing", bytes: line };
  }

  /** The next line with its end; `undefined` when it has not come whole. */
  #readLine(longestBytes: number): Buffer | "bad" | undefined {
    const bytes = this.#bytes.subarray(this.#at, this.#at + longestBytes);
    const found = bytes.indexOf(10);
    if (found < 0) return bytes.length === longestBytes ? "bad" : undefined;
    return found > 0 && bytes[found - 1] === 13 ? bytes.subarray(0, found + 1) : "bad";
  }

  #fail(): Piece<H> {
    this.#state = "unreadable";
    return unreadable;
  }
}

export class RequestReader extends MessageReader<RequestHead> {
  /** @returns `undefined` when it takes more bytes to know more */
  next(): Piece<RequestHead> | undefined {
    return this.step(mayBecomeRequest, parseRequestHead);
  }
}

export class AnswerReader extends MessageReader<AnswerHead> {
  /**
   * @param method of the request whose answer is read
   * @returns `undefined` when it takes more bytes to know more
   */
  next(method: string): Piece<AnswerHead> | undefined {
    return this.step(mayBecomeAnswer, (bytes) => parseAnswerHead(bytes, method));
  }
}
