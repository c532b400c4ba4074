import type { Inlet } from "../toxics/toxic-kind.ts";

/** Gathers what goes out of one chunk, so that parts that came together leave together: one write, without a copy. */
export class Outbox {
  readonly #outlet: Inlet;
  #pieces: Buffer[] = [];

  constructor(outlet: Inlet) {
    this.#outlet = outlet;
  }

  push(bytes: Buffer): void {
    const last = this.#pieces.at(-1);
    if (last?.buffer === bytes.buffer && last.byteOffset + last.length === bytes.byteOffset)
      this.#pieces[this.#pieces.length - 1] = Buffer.from(
        last.buffer,
        last.byteOffset,
        last.length + bytes.length,
      );
    else if (bytes.length > 0) this.#pieces.push(bytes);
  }

  flush(): void {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.length > 0)
      this.#outlet.write(pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces));
  }

  drop(): void {
    this.#pieces = [];
  }
}
