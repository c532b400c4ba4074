import { systemClock } from "../../base/clock.ts";
import { preciseTimer, type Alarm } from "../precise-timer.ts";
import type { Ending, Inlet } from "./toxic-kind.ts";

interface Item {
  readonly what: Buffer | Ending;
  readonly dueMs: number;
}

/** Items passed on before the event loop has its turn again, so that no connection holds up the others. */
const batchLimit = 256;

/**
 * Chunks and endings on their way, each due at its time and never before the one ahead of it has left: first in, first
 * out. The one place where toxics keep bytes.
 */
export class DelayLine {
  readonly #outlet: Inlet;
  readonly #capacityBytes: number;
  #items: Item[] = [];
  /** Items before this index have left. */
  #first = 0;
  #heldBytes = 0;
  #leftAtMs = -Infinity;
  #alarm: Alarm | undefined;
  readonly #onDue = (): void => this.#emitDue();

  constructor(outlet: Inlet, options: { readonly capacityBytes: number }) {
    this.#outlet = outlet;
    this.#capacityBytes = options.capacityBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isEmpty(): boolean {
    return this.#first === this.#items.length;
  }

  /** When the last item left because it was due, epoch milliseconds. */
  get leftAtMs(): number {
    return this.#leftAtMs;
  }

  isFull(): boolean {
    return this.#heldBytes >= this.#capacityBytes;
  }

  /** Takes an item that is due at `dueMs`, epoch milliseconds (`Infinity`: not before {@link release}). */
  hold(what: Buffer | Ending, dueMs: number): void {
    this.#items.push({ what, dueMs });
    if (typeof what !== "string") this.#heldBytes += what.length;
    this.#arm();
  }

  /** Passes an item on behind all that is held: at once when nothing is. */
  pass(what: Buffer | Ending): void {
    if (this.isEmpty) this.#emit(what);
    else this.hold(what, 0);
  }

  /** Passes on everything held, at once and in order; neighbouring chunks as one. */
  release(): void {
    const items = this.#items.slice(this.#first);
    this.drop();
    let chunks: Buffer[] = [];
    const emitChunks = (): void => {
      if (chunks.length > 0) this.#emit(Buffer.concat(chunks));
      chunks = [];
    };
    for (const { what } of items) {
      if (typeof what !== "string") chunks.push(what);
      else {
        emitChunks();
        this.#emit(what);
      }
    }
    emitChunks();
  }

  /** Forgets everything held. */
  drop(): void {
    this.#items = [];
    this.#first = 0;
    this.#heldBytes = 0;
    this.#disarm();
  }

  #emitDue(): void {
    this.#disarm();
    const nowMs = systemClock.nowMs();
    for (let emitted = 0; emitted < batchLimit; emitted += 1) {
      const item = this.#items[this.#first];
      if (item === undefined || item.dueMs > nowMs) break;
      this.#first += 1;
      this.#leftAtMs = nowMs;
      if (typeof item.what !== "string") this.#heldBytes -= item.what.length;
      this.#emit(item.what); // may drop the whole line
    }
    if (this.#first > 1_024 || this.isEmpty) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    this.#arm();
  }

  #emit(what: Buffer | Ending): void {
    if (typeof what === "string") this.#outlet.end(what);
    else this.#outlet.write(what);
  }

  #arm(): void {
    const next = this.#items[this.#first];
    if (next === undefined || next.dueMs === Infinity || this.#alarm) return;
    this.#alarm = preciseTimer.at(next.dueMs, this.#onDue);
  }

  #disarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }
}
