import type { JournalLine } from "../record/journal.ts";
import type { UnsentSpans } from "../traces/completeness.ts";

/**
 * What a killed service had not sent: it queues spans and sends them in batches, each half a second in the shop, every
 * five seconds by the SDKs' default; what was under way in it is lost too.
 */
const queuedMs = 5_000;

/**
 * Of which services, and when, spans may be missing, by the journal: those that a fault killed, and those that were still
 * sending when the collection ended.
 */
export function unsentSpans(journal: readonly JournalLine[]): readonly UnsentSpans[] {
  return journal.flatMap((line): UnsentSpans[] => {
    if (line.event === "fault-injected" && line.process !== undefined)
      return [{ service: line.process, why: "killed", fromMs: line.atMs - queuedMs, toMs: line.atMs }];
    if (line.event !== "collected") return [];
    return (line.unsent ?? []).map(({ service, sinceMs }) => ({
      service,
      why: "unflushed",
      fromMs: sinceMs,
      toMs: Number.POSITIVE_INFINITY,
    }));
  });
}
