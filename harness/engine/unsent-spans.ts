import { endsProcess } from "../experiment/process-fault.ts";
import type { ExperimentRecord } from "../record/experiment-record.ts";
import type { JournalLine } from "../record/journal.ts";
import type { Span } from "../record/span.ts";
import type { Target } from "../target/target.ts";
import type { UnsentSpans } from "../traces/completeness.ts";

/** What the answer to the question rests on. */
export interface UnsentEvidence {
  readonly journal: readonly JournalLine[];
  readonly spans: Iterable<Span>;
  readonly target: Pick<Target, "services">;
  readonly record: Pick<ExperimentRecord, "fleet">;
}

/** SDKs send every five seconds, unless they are told otherwise. */
const queuedMs = 5_000;

/**
 * Of which services, and when, spans may be missing: those that a fault killed, and those that were still sending when the
 * collection ended.
 *
 * A service sends its spans in the order in which they ended. So a killed one had sent all that ended up to the last that
 * came of it, and took with it what ended later or was under way. Of several replicas one was killed, and what the others
 * sent says nothing of that one; then it is what an SDK queues at most.
 */
export function unsentSpans({ journal, spans, target, record }: UnsentEvidence): readonly UnsentSpans[] {
  return journal.flatMap((line): UnsentSpans[] => {
    const hasStruck = line.event === "fault-injected" || line.event === "fault-repeated";
    if (hasStruck && line.process !== undefined && endsProcess(line.faultKind))
      return ofKilled(line.process, line.atMs, { spans, target, record });
    if (line.event !== "collected") return [];
    return (line.unsent ?? []).map(({ service, sinceMs }) => ({
      service,
      why: "unflushed",
      fromMs: sinceMs,
      toMs: Number.POSITIVE_INFINITY,
    }));
  });
}

/** Nothing of a store: it has no spans of its own. */
function ofKilled(
  service: string,
  killedMs: number,
  { spans, target, record }: Omit<UnsentEvidence, "journal">,
): UnsentSpans[] {
  const killed = target.services[service];
  if (killed === undefined) return [];
  const isOneOfSeveral = (record.fleet.replicas?.[service] ?? 1) > 1;
  const lastMs = isOneOfSeveral ? undefined : lastEndMs(spans, service, killedMs);
  return [
    {
      service,
      why: "killed",
      callees: new Set(Object.keys(killed.calls)),
      fromMs: lastMs ?? killedMs - queuedMs,
      toMs: killedMs,
    },
  ];
}

function lastEndMs(spans: Iterable<Span>, service: string, beforeMs: number): number | undefined {
  let last: number | undefined;
  for (const span of spans)
    if (span.service === service && span.endMs <= beforeMs && span.endMs > (last ?? -Infinity))
      last = span.endMs;
  return last;
}
