import { createRandom } from "../../harness/base/random.ts";

/**
 * Bytes that are known by their place in a stream, so that a receiver sees at once when one is lost, repeated or out of
 * order. They repeat only after 16 MiB less a few, more than everything on the way holds.
 */
const lengthBytes = 16 * 1_024 * 1_024 - 3;
const block = Buffer.allocUnsafe(lengthBytes);
const random = createRandom("pattern");
for (let at = 0; at < lengthBytes; at += 1) block[at] = random.integer(0, 256);

/** Where a stream begins: each of its own, so that one connection's bytes on another are seen too. */
export function beginning(id: number): number {
  return (id * 104_729) % lengthBytes;
}

/** The bytes of a stream from a place on; may be fewer than asked for. */
export function bytesAt(begin: number, place: number, sizeBytes: number): Buffer {
  const from = (begin + place) % lengthBytes;
  return block.subarray(from, Math.min(from + sizeBytes, lengthBytes));
}

/** Checks what arrives. */
export class Checker {
  receivedBytes = 0;
  readonly #begin: number;

  constructor(begin: number) {
    this.#begin = begin;
  }

  /** @returns whether these are the bytes that come next */
  take(chunk: Buffer): boolean {
    for (let done = 0; done < chunk.length;) {
      const expected = bytesAt(this.#begin, this.receivedBytes, chunk.length - done);
      if (!expected.equals(chunk.subarray(done, done + expected.length))) return false;
      done += expected.length;
      this.receivedBytes += expected.length;
    }
    return true;
  }
}
