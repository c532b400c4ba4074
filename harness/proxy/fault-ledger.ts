import { systemClock } from "../base/clock.ts";

/** Why a fault ended. */
export type FaultEnd = "removed" | "reset" | "lease-expired" | "lease-ended" | "proxy-changed";

/** What a fault is: a toxic, or `down` for a proxy that is disabled. */
export interface FaultDescription {
  readonly proxy: string;
  readonly name: string;
  readonly type: string;
  /** `undefined` for `down`, as are toxicity and attributes. */
  readonly stream?: "upstream" | "downstream";
  readonly toxicity?: number;
  readonly attributes?: Readonly<Record<string, number>>;
  readonly lease: string | undefined;
}

/** What a fault has really touched so far. */
export interface Affected {
  connections: number;
  bytes: number;
}

/** One fault that is or was in place. Times are epoch milliseconds. */
export interface Fault {
  readonly id: string;
  description: FaultDescription;
  readonly startedAtMs: number;
  readonly affected: Affected;
  end: { readonly atMs: number; readonly by: FaultEnd } | undefined;
}

/** How many ended faults are kept. */
const keptEnded = 1_000;

/** The record of every fault: the evidence that one was there, how long, and what it touched. */
export class FaultLedger {
  readonly #faults = new Set<Fault>();
  #count = 0;
  #ended = 0;

  begin(description: FaultDescription): Fault {
    this.#count += 1;
    const fault: Fault = {
      id: `fault-${this.#count}`,
      description,
      startedAtMs: systemClock.nowMs(),
      affected: { connections: 0, bytes: 0 },
      end: undefined,
    };
    this.#faults.add(fault);
    return fault;
  }

  end(fault: Fault, by: FaultEnd): void {
    if (fault.end) return;
    fault.end = { atMs: systemClock.nowMs(), by };
    this.#ended += 1;
    if (this.#ended <= keptEnded) return;
    for (const oldest of this.#faults) {
      if (!oldest.end) continue;
      this.#faults.delete(oldest);
      this.#ended -= 1;
      return;
    }
  }

  /** In order of their beginning; of those that ended, the last thousand. */
  get faults(): readonly Fault[] {
    return [...this.#faults];
  }
}
