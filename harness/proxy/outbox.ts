/**
 * Gathers what a direction passes on in one go, so that it leaves as one: untouched where the pieces lay side by side when
 * they came, else put together, which costs less than another write.
 */
export class Outbox {
  readonly #write: (bytes: Buffer) => void;
  readonly #pieces: Buffer[] = [];
  #source: ArrayBufferLike | undefined;
  #from = 0;
  #to = 0;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#source === bytes.buffer && this.#to === bytes.byteOffset) {
      this.#to += bytes.length;
      return;
    }
    this.#endPiece();
    this.#source = bytes.buffer;
    this.#from = bytes.byteOffset;
    this.#to = bytes.byteOffset + bytes.length;
  }

  /** Writes what has been gathered. */
  flush(): void {
    this.#endPiece();
    const [first, ...more] = this.#pieces.splice(0);
    if (first !== undefined) this.#write(more.length === 0 ? first : Buffer.concat([first, ...more]));
  }

  /** Throws away what has been gathered. */
  drop(): void {
    this.#pieces.length = 0;
    this.#source = undefined;
  }

  #endPiece(): void {
    if (this.#source === undefined) return;
    this.#pieces.push(Buffer.from(this.#source, this.#from, this.#to - this.#from));
    this.#source = undefined;
  }
}
