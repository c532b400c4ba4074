import { systemClock } from "../base/clock.ts";

/** Something that happened to a fault: it began, it ended, or it affected a call. */
export type FaultEvent =
  | { readonly event: "fault-began"; readonly proxy: string; readonly toxic: string; readonly type: string }
  | {
      readonly event: "fault-ended";
      readonly proxy: string;
      readonly toxic: string;
      readonly type: string;
      readonly by: string;
    }
  | {
      readonly event: "call-affected";
      readonly proxy: string;
      readonly toxic: string;
      readonly type: string;
      /** Which of the calls that matched, from 1. */
      readonly request: number;
      /** "POST /orders/:id" */
      readonly call: string;
      readonly trace_id: string | null;
      /** What was done: "answered 503". */
      readonly effect: string;
    };

/** An event in its place. */
export interface RecordedEvent {
  /** From 1, without a gap. */
  readonly id: number;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly event: FaultEvent;
}

/** How many affected calls are kept, and as many events of other kinds. */
const keptCalls = 1_000;

/** What happened last, for those who come late, and live for those who listen. */
export class FaultEvents {
  #kept: RecordedEvent[] = [];
  #keptCalls = 0;
  #count = 0;
  readonly #listeners = new Set<(event: RecordedEvent) => void>();

  record(event: FaultEvent): void {
    this.#count += 1;
    const recorded = { id: this.#count, atMs: systemClock.nowMs(), event };
    this.#kept.push(recorded);
    if (event.event === "call-affected") this.#keptCalls += 1;
    while (this.#keptCalls > keptCalls || this.#kept.length - this.#keptCalls > keptCalls) {
      if (this.#kept.shift()?.event.event === "call-affected") this.#keptCalls -= 1;
    }
    for (const listener of this.#listeners) listener(recorded);
  }

  /** The last thousand affected calls and what happened between them, oldest first. */
  get kept(): readonly RecordedEvent[] {
    return this.#kept;
  }

  /** @returns an end to listening */
  listen(listener: (event: RecordedEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
