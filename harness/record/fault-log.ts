import { z } from "zod";
import { openJsonl, readJsonl, type JsonlContent, type JsonlWriter } from "../base/jsonl.ts";

/**
 * The fault log, `faults.jsonl`: what the proxy told of faults during a run, in its order. It says which calls a fault has
 * acted on, of which the journal and the summary have only the counts.
 */

const told = {
  /** Epoch milliseconds, by the proxy. */
  atMs: z.number(),
  /** The proxy's number of the event: without a gap, unless `events-missed` says how many are missing. */
  id: z.number().int(),
  /** The run's own fault, "f1"; absent for one that somebody else put there. */
  fault: z.string().optional(),
  /** "order->payment" */
  proxy: z.string(),
  toxic: z.string(),
  /** As the proxy calls it: "http_status". */
  type: z.string(),
};

export const faultLineSchema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("fault-began"), ...told }),
  z.object({ event: z.literal("fault-ended"), ...told, by: z.string() }),
  z.object({
    event: z.literal("call-affected"),
    ...told,
    /** Which of the calls that matched, from 1. */
    request: z.number().int(),
    /** "POST /orders/:id" */
    call: z.string(),
    /** W3C trace id, where the call had one. */
    traceId: z.string().optional(),
    /** What was done: "answered 503". */
    effect: z.string(),
  }),
  /** So many events came and went while nobody was listening. */
  z.object({ event: z.literal("events-missed"), atMs: z.number(), count: z.number().int() }),
]);
export type FaultLine = Readonly<z.output<typeof faultLineSchema>>;
export type AffectedCallLine = Extract<FaultLine, { readonly event: "call-affected" }>;

/** @throws {SQUALL_FILE} when the file cannot be opened */
export function openFaultLog(file: string): JsonlWriter<FaultLine> {
  return openJsonl<FaultLine>(file);
}

/** Reads a fault log up to where a crash cut it; a run without one has no lines. */
export function readFaultLog(file: string): JsonlContent<FaultLine> {
  return readJsonl(file, (value) => faultLineSchema.parse(value));
}
