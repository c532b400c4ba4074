import { z } from "zod";
import { histogramJsonSchema } from "../../stats/histogram.ts";
import { tallyJsonSchema } from "./tally.ts";

/**
 * The lines of `histograms.jsonl`, in which a driver says what it did without naming each operation:
 *
 *   begun      once, first: which driver this is, and what it was asked to do
 *   interval   operations of one step, or journeys of one name, that were intended within one interval and ended since
 *              the last such line: lines of the same interval add up
 *   starts     how late journeys started that were intended within one interval; these add up as well
 *   progress   four times a second: how far the driver is, and how well; the last one counts
 *   ended      once, last: a file without it is of a driver that died
 *
 * An interval is named by its beginning and lies where the operations were *intended*, so a stall shows where it was
 * felt. Its times are those of the wall clock: the intervals of drivers that ran at once are the same.
 */
export const intervalMs = 100;

export function intervalOf(intendedMs: number): number {
  return Math.floor(intendedMs / intervalMs) * intervalMs;
}

/** Which driver it is, and what it was told to do. */
export const driverFactsSchema = z.object({
  /** Unlike that of any other driver, in any run. */
  driver: z.string(),
  /** Zero of the schedule, epoch milliseconds. */
  startAtMs: z.number(),
  seed: z.string(),
  baseUrl: z.string(),
  /** Journeys and their weights. */
  mix: z.record(z.string(), z.number()),
  timeoutMs: z.number(),
  maxConnections: z.int(),
});

const begunLineSchema = driverFactsSchema.extend({ kind: z.literal("begun"), schemaVersion: z.literal(1) });
export type BegunLine = Readonly<z.output<typeof begunLineSchema>>;

const intervalLineSchema = z.object({
  kind: z.literal("interval"),
  /** Epoch milliseconds, a multiple of {@link intervalMs}. */
  fromMs: z.number(),
  journey: z.string(),
  /** Absent where whole journeys are counted. */
  step: z.string().optional(),
  tally: tallyJsonSchema,
});
export type IntervalLine = Readonly<z.output<typeof intervalLineSchema>>;

const startsLineSchema = z.object({
  kind: z.literal("starts"),
  fromMs: z.number(),
  late: histogramJsonSchema,
});

/** How the driver itself did. A `problem` says that the figures are its own and not the target's. */
export const driverHealthSchema = z.object({
  lateP99Ms: z.number(),
  lateMaxMs: z.number(),
  /** Of one processor. */
  cpuShare: z.number(),
  /** The longest that its event loop stood still. */
  stallMaxMs: z.number(),
  problem: z.string().optional(),
});
export type DriverHealth = Readonly<z.output<typeof driverHealthSchema>>;

const progressLineSchema = z.object({
  kind: z.literal("progress"),
  atMs: z.number(),
  /** How long arrivals have been coming. */
  drivenMs: z.number(),
  /** Journeys that should have started by then, and that did. */
  intended: z.int(),
  started: z.int(),
  health: driverHealthSchema.optional(),
});
export type ProgressLine = Readonly<z.output<typeof progressLineSchema>>;

const endedLineSchema = z.object({ kind: z.literal("ended"), atMs: z.number() });

export const histogramLineSchema = z.discriminatedUnion("kind", [
  begunLineSchema,
  intervalLineSchema,
  startsLineSchema,
  progressLineSchema,
  endedLineSchema,
]);
export type HistogramLine = Readonly<z.output<typeof histogramLineSchema>>;
