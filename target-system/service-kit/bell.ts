import { setTimeout as sleep } from "node:timers/promises";

/** Wakes one waiter. Rung while nobody waits, it wakes the next one at once. */
export class Bell {
  #isRung = false;
  #wake: () => void = () => undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake();
  }

  /** Waits for a ring, at most `longestMs`. @returns whether it was rung */
  async wait(longestMs: number): Promise<boolean> {
    if (!this.#isRung) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await sleep(longestMs, undefined, { signal: woken.signal }).catch((error: unknown) => {
        if (!woken.signal.aborted) throw error;
      });
    }
    const wasRung = this.#isRung;
    this.#isRung = false;
    this.#wake = () => undefined;
    return wasRung;
  }
}
