import type { Ending } from "../toxics/toxic-kind.ts";

/** What a direction may keep unread before its source has to wait, in bytes. */
const capacityBytes = 64 * 1_024;

/** What has come and is not read yet, because what is before it has to wait. */
export class Input {
  readonly #items: (Buffer | Ending)[] = [];
  #heldBytes = 0;

  push(item: Buffer | Ending): void {
    this.#items.push(item);
    if (typeof item !== "string") this.#heldBytes += item.length;
  }

  shift(): Buffer | Ending | undefined {
    const item = this.#items.shift();
    if (item !== undefined && typeof item !== "string") this.#heldBytes -= item.length;
    return item;
  }

  /** Whether bytes come next. */
  get hasBytes(): boolean {
    return typeof this.#items[0] === "object";
  }

  isFull(): boolean {
    return this.#heldBytes >= capacityBytes;
  }

  clear(): void {
    this.#items.length = 0;
    this.#heldBytes = 0;
  }
}
