export interface PaceOptions {
  /** Attempts under way at once while all is well. */
  readonly lanes: number;
  readonly firstPauseMs: number;
  readonly mostPauseMs: number;
}

/**
 * How much may be begun with somebody who may be away: all lanes with one who answers; with one who does not, one attempt
 * at a time, after pauses that grow, so that it is soon known when they are back and nothing is spent on them meanwhile.
 */
export class Pace {
  readonly #options: PaceOptions;
  /** Rounds without an answer, in a row. */
  #troubles = 0;
  #pausedUntilMs = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  answered(): void {
    this.#troubles = 0;
    this.#pausedUntilMs = 0;
  }

  /** Those that fail while a pause lasts were begun before it, and are of its round. */
  troubled(nowMs = performance.now()): void {
    if (nowMs < this.#pausedUntilMs) return;
    const { firstPauseMs, mostPauseMs } = this.#options;
    this.#pausedUntilMs = nowMs + Math.min(mostPauseMs, firstPauseMs * 2 ** this.#troubles);
    this.#troubles += 1;
  }

  /** How many attempts may be begun now. */
  room(underWay: number, nowMs = performance.now()): number {
    if (nowMs < this.#pausedUntilMs) return 0;
    return Math.max(0, (this.#troubles === 0 ? this.#options.lanes : 1) - underWay);
  }

  /** 0 where there is no pause. */
  pauseLeftMs(nowMs = performance.now()): number {
    return Math.max(0, this.#pausedUntilMs - nowMs);
  }
}
