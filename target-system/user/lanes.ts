import { HttpError } from "../service-kit/http-error.ts";

/** Runs a few pieces of work at once and lets a bounded number wait, first come, first served. */
export class Lanes {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ atOnce, waiting }: { readonly atOnce: number; readonly waiting: number }) {
    this.#atOnce = atOnce;
    this.#mostWaiting = waiting;
  }

  /** @throws {HttpError} 503 busy, when as many wait already as may */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running += 1;
    else if (this.#waiting.length >= this.#mostWaiting)
      throw new HttpError(503, "busy", "too many log-ins at once; try again in a moment");
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      // A lane goes from hand to hand: nobody who comes now gets in before those who wait.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
