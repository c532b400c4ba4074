import { z } from "zod";
import { completionSchema, type Completion, type HistoryLine } from "../../record/history.ts";
import {
  createHistogram,
  histogramFromJSON,
  histogramJsonSchema,
  type Histogram,
} from "../../stats/histogram.ts";

/**
 * What became of operations, or of journeys: how many by completion and by kind of error, and how long those took that
 * were sent. Tallies add up to exactly the one of all their operations, in whatever order.
 */
export interface Tally {
  readonly counts: Readonly<Record<Completion, number>>;
  /** Of whatever completion. */
  readonly total: number;
  /** By kind: "http-503", "timeout", "not-sent". */
  readonly errors: ReadonlyMap<string, number>;
  /** From the intended start to the end, of all that was sent, also what failed: a time-out is as slow as it was. */
  readonly latency: Histogram;
  /** From the real start to the end, of the same. */
  readonly service: Histogram;
  add(ended: Ended): void;
  merge(other: Tally): void;
  toJSON(): TallyJson;
}

export type Ended = Pick<HistoryLine, "intendedMs" | "sentMs" | "endedMs" | "completion" | "error">;

const count = z.int().nonnegative();
export const tallyJsonSchema = z.object({
  /** A completion that did not occur is absent. */
  counts: z.partialRecord(completionSchema, count),
  errors: z.record(z.string(), count).optional(),
  latency: histogramJsonSchema,
  service: histogramJsonSchema,
});
export type TallyJson = z.output<typeof tallyJsonSchema>;

export function createTally(): Tally {
  return new SparseTally(createHistogram(), createHistogram());
}

/** The tally of all operations of several. */
export function mergeTallies(tallies: Iterable<Tally>): Tally {
  const merged = createTally();
  for (const tally of tallies) merged.merge(tally);
  return merged;
}

/** @throws when the histograms are none */
export function tallyFromJSON({ counts, errors = {}, latency, service }: TallyJson): Tally {
  const tally = new SparseTally(histogramFromJSON(latency), histogramFromJSON(service));
  for (const completion of completionSchema.options) tally.counts[completion] = counts[completion] ?? 0;
  for (const [kind, times] of Object.entries(errors)) tally.errors.set(kind, times);
  return tally;
}

class SparseTally implements Tally {
  readonly counts: Record<Completion, number> = { ok: 0, fail: 0, unknown: 0 };
  readonly errors = new Map<string, number>();
  readonly latency: Histogram;
  readonly service: Histogram;

  constructor(latency: Histogram, service: Histogram) {
    this.latency = latency;
    this.service = service;
  }

  get total(): number {
    return this.counts.ok + this.counts.fail + this.counts.unknown;
  }

  add({ intendedMs, sentMs, endedMs, completion, error }: Ended): void {
    this.counts[completion] += 1;
    if (error !== undefined) this.#count(error.kind, 1);
    if (sentMs === undefined) return;
    // The clock's last digit can put an end before its start.
    this.latency.add(Math.max(0, endedMs - intendedMs));
    this.service.add(Math.max(0, endedMs - sentMs));
  }

  merge(other: Tally): void {
    for (const completion of completionSchema.options) this.counts[completion] += other.counts[completion];
    for (const [kind, times] of other.errors) this.#count(kind, times);
    this.latency.merge(other.latency);
    this.service.merge(other.service);
  }

  toJSON(): TallyJson {
    const seen = Object.entries(this.counts).filter(([, times]) => times > 0);
    return {
      counts: Object.fromEntries(seen),
      ...(this.errors.size === 0 ? {} : { errors: Object.fromEntries(this.errors) }),
      latency: this.latency.toJSON(),
      service: this.service.toJSON(),
    };
  }

  #count(kind: string, times: number): void {
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + times);
  }
}
