/** Gathers what a direction passes on, so that pieces which lay side by side when they came leave as one again. */
export class Outbox {
  readonly #write: (bytes: Buffer) => void;
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
    this.flush();
    this.#source = bytes.buffer;
    this.#from = bytes.byteOffset;
    this.#to = bytes.byteOffset + bytes.length;
  }

  /** Writes what has been gathered. */
  flush(): void {
    if (this.#source === undefined) return;
    const bytes = Buffer.from(this.#source, this.#from, this.#to - this.#from);
    this.#source = undefined;
    this.#write(bytes);
  }
}
