import { z } from "zod";
import { phaseNameSchema } from "./journal.ts";

/**
 * What a run's logs say that a report can show: a few lines beside a trace, and what was said in a phase that nobody had
 * said before it. Bounded, whatever the logs hold; `squall logs` has all of it.
 */

/** `before` the first phase began, `after` the load had ended. */
export const logPhaseSchema = z.enum(["before", ...phaseNameSchema.options, "after"]);
export type LogPhase = z.output<typeof logPhaseSchema>;

export const excerptLineSchema = z.object({
  /** From the run's zero; absent where nothing says it. */
  atMs: z.number().optional(),
  phase: logPhaseSchema,
  service: z.string(),
  /** Which of the service's processes. */
  instance: z.string(),
  level: z.string().optional(),
  /** Cut to 300 letters, and without what has the form of a secret. */
  message: z.string(),
  traceId: z.string().optional(),
});
export type ExcerptLine = Readonly<z.output<typeof excerptLineSchema>>;

export const traceLogSchema = z.object({
  traceId: z.string(),
  /** Of its first span, where its drawing begins, from the run's zero. */
  startMs: z.number(),
  /** Of the trace and of those that are linked with it, by time; of too many, warnings and worse before the others. */
  lines: z.array(excerptLineSchema),
  /** More than are in `lines`. */
  omitted: z.number().int(),
});
export type TraceLog = Readonly<z.output<typeof traceLogSchema>>;

export const newPatternSchema = z.object({
  /** The message, with what differs each time masked: "order <id> took <n>". */
  pattern: z.string(),
  /** In the phase. */
  count: z.number().int(),
  /** When the phase was over: whether it ended with it. */
  countAfter: z.number().int(),
  /** The first line of it. */
  first: excerptLineSchema,
});
export type NewPattern = Readonly<z.output<typeof newPatternSchema>>;

export const logExcerptSchema = z.object({
  /** Whose new patterns were sought. */
  phase: phaseNameSchema,
  /** The traces asked for that have lines, in the order asked. */
  traces: z.array(traceLogSchema),
  /** Of the phase asked for: warnings and worse first, then the most frequent. */
  newPatterns: z.array(newPatternSchema),
  /** More than are in `newPatterns`. */
  omittedPatterns: z.number().int(),
  /** Lines that are no record, and lines that were cut off. */
  unread: z.object({ text: z.number().int(), cut: z.number().int() }),
});
export type LogExcerpt = Readonly<z.output<typeof logExcerptSchema>>;
