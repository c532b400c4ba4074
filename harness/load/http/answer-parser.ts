import {
  cr,
  largestHeadBytes,
  MalformedAnswer,
  readHeaders,
  scanHead,
  scanHeaderLine,
  scanLine,
  type AnswerHead,
  type AnswerHeaders,
} from "./answer-head.ts";
import { BodyBytes } from "./body-bytes.ts";

type Phase = "head" | "length" | "size" | "chunk" | "chunk-end" | "trailers" | "until-end" | "whole";

/** The largest body, in bytes: an answer is held in memory. */
export const largestBodyBytes = 64 * 1_024 * 1_024;
/** Of the line that says a chunk's size, extensions included. */
const longestSizeLineBytes = 1_024;
const mostInterimHeads = 32;
const noBytes: Buffer = Buffer.alloc(0);

/**
 * Reads answers off a connection, one for each `begin`; what comes may be cut anywhere.
 *
 *   begin ─→ head ─┬─→ no body ─────────────────────────┬─→ whole
 *             ↑ │  ├─→ length ──────────────────────────┤
 *             └─┘  ├─→ (size, chunk, end)* ─→ trailers ─┤
 *           interim└─→ until the connection ends ───────┘
 *
 * All that is held is bounded: a head, a line, a body.
 */
export class AnswerParser {
  /** 0 before the head has come. */
  status = 0;
  headers: AnswerHeaders = {};
  text = "";
  /** Whether another request may follow on the connection. */
  isKeptAlive = false;
  /** For how long the server then keeps it; undefined when it did not say. */
  keptAliveMs: number | undefined;
  /** Bytes that came after the answer was whole. */
  surplusBytes = 0;

  readonly #head: AnswerHead = {
    minorVersion: 1,
    status: 0,
    lengthBytes: -1,
    isChunked: false,
    saysClose: false,
    saysKeepAlive: false,
    keptAliveMs: undefined,
  };
  readonly #body = new BodyBytes(largestBodyBytes);
  #phase: Phase = "whole";
  #hasNoBody = false;
  /** What came of a head or a line, until the rest has. */
  #held: Buffer | undefined;
  /** Of a body or a chunk: what is still to come. */
  #leftBytes = 0;
  #trailerBytes = 0;
  #interimHeads = 0;
  /** What was read last, when it was a whole head: servers answer with the same one again and again. */
  #lastHead = noBytes;

  /** @param method of the request whose answer comes next */
  begin(method: string): void {
    this.#phase = "head";
    this.#hasNoBody = method === "HEAD";
    this.#interimHeads = 0;
    this.status = 0;
  }

  /**
   * @param bytes are not kept: they may be overwritten afterwards
   * @returns whether the answer is whole now
   * @throws {MalformedAnswer} and is of no use afterwards
   */
  read(bytes: Buffer, sizeBytes: number): boolean {
    if (this.#held === undefined) return this.#readAll(bytes, sizeBytes);
    const joined = Buffer.concat([this.#held, bytes.subarray(0, sizeBytes)]);
    this.#held = undefined;
    return this.#readAll(joined, joined.length);
  }

  /** The connection has ended. @returns whether that makes the answer whole */
  finish(): boolean {
    if (this.#phase !== "until-end") return false;
    this.#end(this.#body.take());
    return true;
  }

  #readAll(bytes: Buffer, to: number): boolean {
    let at = 0;
    while (this.#phase !== "whole") {
      const next = this.#step(bytes, at, to);
      if (next === -1) {
        if (at < to) this.#held = Buffer.from(bytes.subarray(at, to));
        return false;
      }
      at = next;
    }
    this.surplusBytes = to - at;
    return true;
  }

  /** @returns where the next step begins; -1 when it takes more bytes than there are */
  #step(bytes: Buffer, at: number, to: number): number {
    if (at === to) return -1;
    switch (this.#phase) {
      case "head":
        return this.#stepHead(bytes, at, to);
      case "length":
        return this.#stepLength(bytes, at, to);
      case "size":
        return this.#stepSize(bytes, at, to);
      case "chunk":
        return this.#stepChunk(bytes, at, to);
      case "chunk-end":
        return this.#stepChunkEnd(bytes, at, to);
      case "trailers":
        return this.#stepTrailers(bytes, at, to);
      case "until-end":
        this.#body.add(bytes, at, to);
        return to;
      case "whole":
        return at;
    }
  }

  #stepHead(bytes: Buffer, from: number, to: number): number {
    const repeatedTo = from + this.#lastHead.length;
    if (repeatedTo > from && repeatedTo <= to && startsWith(bytes, from, this.#lastHead)) {
      this.#beginBody();
      return repeatedTo;
    }
    this.#lastHead = noBytes;
    const end = scanHead(bytes, from, to, this.#head);
    if (end === -1) return -1;
    if (this.#head.status < 200) this.#skipInterim();
    else {
      this.#lastHead = Buffer.from(bytes.subarray(from, end));
      this.headers = readHeaders(this.#lastHead.toString("latin1"));
      this.#beginBody();
    }
    return end;
  }

  /** The answer itself is still to come. */
  #skipInterim(): void {
    if (this.#head.status === 101) throw new MalformedAnswer("another protocol, which was not asked for");
    this.#interimHeads += 1;
    if (this.#interimHeads > mostInterimHeads)
      throw new MalformedAnswer(`over ${mostInterimHeads} interim answers`);
  }

  /** How the body ends: RFC 9112, 6.3. */
  #beginBody(): void {
    const { minorVersion, status, lengthBytes, isChunked } = this.#head;
    this.status = status;
    this.isKeptAlive = !this.#head.saysClose && (minorVersion === 1 || this.#head.saysKeepAlive);
    this.keptAliveMs = this.#head.keptAliveMs;
    if (this.#hasNoBody || status === 204 || status === 304 || lengthBytes === 0) return this.#end("");
    if (isChunked) this.#phase = "size";
    else if (lengthBytes === -1) {
      this.isKeptAlive = false;
      this.#phase = "until-end";
    } else {
      this.#body.expect(lengthBytes);
      this.#leftBytes = lengthBytes;
      this.#phase = "length";
    }
  }

  #stepLength(bytes: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.#leftBytes);
    this.#leftBytes -= end - at;
    if (this.#leftBytes === 0 && this.#body.sizeBytes === 0) this.#end(bytes.toString("utf8", at, end));
    else {
      this.#body.add(bytes, at, end);
      if (this.#leftBytes === 0) this.#end(this.#body.take());
    }
    return end;
  }

  #stepSize(bytes: Buffer, from: number, to: number): number {
    const end = scanLine(bytes, from, Math.min(to, from + longestSizeLineBytes));
    if (end === -1) {
      if (to - from >= longestSizeLineBytes)
        throw new MalformedAnswer(`a chunk's size in over ${longestSizeLineBytes} bytes`);
      return -1;
    }
    const line = bytes.toString("latin1", from, end - 2);
    const size = sizeLine.exec(line)?.[1];
    if (size === undefined) throw new MalformedAnswer(`a chunk's size of "${line.slice(0, 40)}"`);
    this.#leftBytes = parseInt(size, 16);
    this.#body.expect(this.#leftBytes);
    this.#trailerBytes = 0;
    this.#phase = this.#leftBytes === 0 ? "trailers" : "chunk";
    return end;
  }

  #stepChunk(bytes: Buffer, at: number, to: number): number {
    const end = Math.min(to, at + this.#leftBytes);
    this.#leftBytes -= end - at;
    this.#body.add(bytes, at, end);
    if (this.#leftBytes === 0) this.#phase = "chunk-end";
    return end;
  }

  #stepChunkEnd(bytes: Buffer, from: number, to: number): number {
    if (bytes[from] !== cr) throw new MalformedAnswer("a chunk longer than its size");
    const end = scanLine(bytes, from, to);
    if (end !== -1) this.#phase = "size";
    return end;
  }

  /** Fields after the body: checked, and left aside, since nobody may act on them as on those of the head. */
  #stepTrailers(bytes: Buffer, from: number, to: number): number {
    const limit = Math.min(to, from + largestHeadBytes - this.#trailerBytes);
    const isLast = bytes[from] === cr;
    const end = isLast ? scanLine(bytes, from, to) : scanHeaderLine(bytes, from, limit);
    if (end === -1) {
      if (limit < to) throw new MalformedAnswer(`trailers of over ${largestHeadBytes} bytes`);
      return -1;
    }
    this.#trailerBytes += end - from;
    if (isLast) this.#end(this.#body.take());
    return end;
  }

  #end(text: string): void {
    this.text = text;
    this.#phase = "whole";
  }
}

/** As `Buffer.compare` would say, which leaves garbage each time it is asked. */
function startsWith(bytes: Buffer, from: number, head: Buffer): boolean {
  for (let index = 0; index < head.length; index += 1) if (bytes[from + index] !== head[index]) return false;
  return true;
}

/** In hexadecimal, and extensions that nobody reads. */
const sizeLine = /^([0-9a-fA-F]{1,13})(?:[ \t]*;.*)?$/;
