import { crc32 } from "node:zlib";

/** As many as a fleet sends while one of its senders waits for an answer, gives up and sends again. */
const keptBodies = 1_024;

/**
 * Recognises a body that came a little before: a sender that had no answer in time sends the same bytes again. Told by
 * length and CRC-32, so that of other bodies of the same length one in four million is taken for one of those kept.
 */
export class RecentBodies {
  readonly #keys = new Set<string>();

  has(body: Buffer): boolean {
    return this.#keys.has(keyOf(body));
  }

  add(body: Buffer): void {
    this.#keys.add(keyOf(body));
    if (this.#keys.size <= keptBodies) return;
    const [oldest] = this.#keys; // a set keeps the order in which it was filled
    if (oldest !== undefined) this.#keys.delete(oldest);
  }

  clear(): void {
    this.#keys.clear();
  }
}

function keyOf(body: Buffer): string {
  return `${body.length} ${crc32(body)}`;
}
