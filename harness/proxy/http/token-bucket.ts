/** Lets events happen at a rate, and a burst of them at once. */
export class TokenBucket {
  #tokens = Infinity;
  #atMs = 0;

  /**
   * @param burst how many tokens it holds at most; it begins full
   * @param nowMs of any clock that never steps back
   * @returns whether there was a token
   */
  take(ratePerSecond: number, burst: number, nowMs: number): boolean {
    const refilled = this.#tokens + ((nowMs - this.#atMs) * ratePerSecond) / 1_000;
    this.#tokens = Math.min(burst, refilled);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
