import { MalformedAnswer } from "./answer-head.ts";

/** What was allocated for a body up to this size is used again for the next. */
const keptBytes = 64 * 1_024;

/**
 * A body as it comes in pieces. They are put into one buffer that grows: a server that sends single bytes then costs no
 * more memory than one that sends them all at once.
 */
export class BodyBytes {
  sizeBytes = 0;
  readonly #mostBytes: number;
  #buffer = Buffer.alloc(0);

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** @throws {MalformedAnswer} when so much more is over the limit */
  expect(moreBytes: number): void {
    if (this.sizeBytes + moreBytes > this.#mostBytes)
      throw new MalformedAnswer(`a body of over ${this.#mostBytes} bytes`);
  }

  /** @throws {MalformedAnswer} when it is over the limit */
  add(bytes: Buffer, from: number, to: number): void {
    this.expect(to - from);
    const size = this.sizeBytes + to - from;
    if (size > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1_024, size, Math.min(2 * size, this.#mostBytes)));
      this.#buffer.copy(grown, 0, 0, this.sizeBytes);
      this.#buffer = grown;
    }
    bytes.copy(this.#buffer, this.sizeBytes, from, to);
    this.sizeBytes = size;
  }

  /** Takes it all, as text in UTF-8. */
  take(): string {
    const text = this.#buffer.toString("utf8", 0, this.sizeBytes);
    this.sizeBytes = 0;
    if (this.#buffer.length > keptBytes) this.#buffer = Buffer.alloc(0);
    return text;
  }
}
