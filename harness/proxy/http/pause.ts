import { preciseTimer, type Alarm } from "../precise-timer.ts";
import type { HttpStep, Wanted } from "./http-fault.ts";

type Delay = Wanted<Extract<HttpStep, { readonly act: "delay" }>>;

/** Lets one direction wait: one delay after the other, each for as long as its fault is there. */
export class Pause {
  readonly #onOver: () => void;
  #waiting: { readonly delay: Delay; readonly alarm: Alarm; readonly goOn: () => void } | undefined;

  /** @param onOver told when a wait has ended by itself, after what waited has gone on */
  constructor(onOver: () => void) {
    this.#onOver = onOver;
  }

  get isOn(): boolean {
    return this.#waiting !== undefined;
  }

  /**
   * Waits, and then goes on; at once when there is nothing to wait for.
   * @param what is delayed: "the call"
   * @param sizeBytes how much is delayed
   */
  wait(delays: readonly Delay[], what: string, sizeBytes: number, goOn: () => void): void {
    const [delay, ...later] = delays;
    if (delay === undefined) return goOn();
    const goOnLater = (): void => this.wait(later, what, sizeBytes, goOn);
    const delayMs = delay.isLive() ? delay.step.nextMs() : 0;
    if (delayMs <= 0) return goOnLater();
    delay.taken.affect(`delayed ${what} by ${Math.round(delayMs * 1_000) / 1_000} ms`, sizeBytes);
    const alarm = preciseTimer.after(delayMs, () => {
      this.#waiting = undefined;
      goOnLater();
      this.#onOver();
    });
    this.#waiting = { delay, alarm, goOn: goOnLater };
  }

  /** The faults in place have changed: a wait whose fault is gone is over. */
  review(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || waiting.delay.isLive()) return;
    this.drop();
    waiting.goOn();
  }

  drop(): void {
    this.#waiting?.alarm.cancel();
    this.#waiting = undefined;
  }
}
