import { isDeepStrictEqual } from "node:util";
import { Refusal } from "./refusal.ts";

const keptMs = 60 * 60_000;

interface Known<T> {
  readonly content: unknown;
  readonly value: T;
  readonly atMs: number;
}

/** Requests recognised by the key that their sender gave them. What a key was used for is remembered for an hour. */
export class RequestKeys<T> {
  readonly #known = new Map<string, Known<T>>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * What `make` made when the key was new; without a key every request is new.
   * @throws {Refusal} key-reused, when it was new with another content
   */
  once(
    key: string | undefined,
    content: unknown,
    make: () => T,
  ): { readonly value: T; readonly isRepeat: boolean } {
    if (key === undefined) return { value: make(), isRepeat: false };
    const nowMs = this.#nowMs();
    this.#forget(nowMs - keptMs);
    const known = this.#known.get(key);
    if (known === undefined) {
      const value = make();
      this.#known.set(key, { content, value, atMs: nowMs });
      return { value, isRepeat: false };
    }
    if (!isDeepStrictEqual(known.content, content))
      throw new Refusal("key-reused", "this key was used for another request");
    return { value: known.value, isRepeat: true };
  }

  /** A map keeps the order in which keys came. */
  #forget(beforeMs: number): void {
    for (const [key, { atMs }] of this.#known) {
      if (atMs >= beforeMs) return;
      this.#known.delete(key);
    }
  }
}
