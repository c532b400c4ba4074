import { z } from "zod";

/**
 * The history: what clients asked, when, and what they were told. Two kinds of line:
 *
 *   operation  one request of a journey (one step)
 *   journey    the whole of one journey, written when it ends; objectives speak of these
 *
 * Times are milliseconds since the Unix epoch with sub-millisecond digits. Latency is `endedMs - intendedMs`: a start
 * that came late because the system was slow counts as the system's latency.
 */

/**
 * How an operation ended, after Jepsen's ok / fail / info:
 * `ok` it happened; `fail` it surely did not happen; `unknown` it may have (time-out, reset, answer cut off).
 * An answered 5xx is `fail` to the client even where the system did part of it; the stores are asked about that.
 */
export const completionSchema = z.enum(["ok", "fail", "unknown"]);
export type Completion = z.output<typeof completionSchema>;

/** Why an operation did not end `ok`. `kind` groups: "http-503", "timeout", "reset", "refused", "not-sent", "check". */
export const operationErrorSchema = z.object({ kind: z.string(), message: z.string() });
export type OperationError = z.output<typeof operationErrorSchema>;

const timesSchema = z.object({
  /** Which arrival: unique within the run, counts from 0 in order of intended start. */
  arrival: z.number().int().nonnegative(),
  journey: z.string(),
  /** When it should have started by the arrival plan (first step), or when the step before it ended. */
  intendedMs: z.number(),
  /** When it was really sent; absent when it never was. */
  sentMs: z.number().optional(),
  endedMs: z.number(),
  completion: completionSchema,
  error: operationErrorSchema.optional(),
  /** W3C trace id, 32 hex digits. One journey is one trace id per operation. */
  traceId: z.string().optional(),
});

export const operationLineSchema = timesSchema.extend({
  kind: z.literal("operation"),
  step: z.string(),
  method: z.string(),
  /** The path template, low in cardinality: "/products/:id". */
  route: z.string(),
  /** HTTP status; absent when there was no answer. */
  status: z.number().int().optional(),
  /** What the client was told, as the journey recorded it: `{ orderId, totalCents, status: "confirmed" }`. */
  told: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});
export type OperationLine = Readonly<z.output<typeof operationLineSchema>>;

export const journeyLineSchema = timesSchema.extend({
  kind: z.literal("journey"),
  /** How many operations it made. */
  operations: z.number().int().nonnegative(),
});
export type JourneyLine = Readonly<z.output<typeof journeyLineSchema>>;

export const historyLineSchema = z.discriminatedUnion("kind", [operationLineSchema, journeyLineSchema]);
export type HistoryLine = OperationLine | JourneyLine;
