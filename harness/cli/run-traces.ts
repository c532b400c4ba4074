import { parseAddress } from "../base/address.ts";
import { SquallError } from "../base/errors.ts";
import { unknownName } from "../base/fields.ts";
import { readJsonl } from "../base/jsonl.ts";
import { actualTimeline, find, readRecord } from "../engine/evidence.ts";
import { graphOptionsOf, prepareTraces } from "../engine/prepared-traces.ts";
import type { Timeline } from "../engine/timeline.ts";
import { unsentSpans } from "../engine/unsent-spans.ts";
import { historyLineSchema } from "../record/history.ts";
import { readJournal, type PhaseName } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { streamSpans, type SpanStreamLoss } from "../record/span-stream.ts";
import type { Span } from "../record/span.ts";
import { parseTarget } from "../target/load-target.ts";
import { mixOf, type Target } from "../target/target.ts";
import type { CompletenessOptions } from "../traces/completeness.ts";
import type { GraphOptions } from "../traces/dependency-graph.ts";
import type { PreparedTrace } from "../traces/prepared-trace.ts";
import { groupTraces, type Trace } from "../traces/trace.ts";

/** The traces of a run, made ready, with what is needed to read them. */
export interface RunTraces {
  readonly run: string;
  readonly title: string;
  readonly prepared: readonly PreparedTrace[];
  readonly loss: SpanStreamLoss;
  /** From the run's zero. */
  readonly timeline: Timeline;
  readonly graphOptions: Required<Pick<GraphOptions, "declared" | "entry">>;
  readonly unsent: NonNullable<CompletenessOptions["unsent"]>;
  /** Those that began in a phase. */
  inPhase(phase: PhaseName): readonly PreparedTrace[];
}

/**
 * Reads a run folder for its traces; the file of spans is streamed.
 * @param journey only traces of this journey or mix, and those that link to one
 * @param elsewhere the run's spans, where they were read from elsewhere than its folder
 * @throws {SQUALL_FILE} when it is no run folder
 * @throws {SQUALL_USAGE} when the target has no such journey
 */
export function readRunTraces(path: string, journey?: string, elsewhere?: readonly Span[]): RunTraces {
  const folder = runFolder(path);
  const record = readRecord(folder.experiment);
  const target = parseTarget(record.target, record.targetFile);
  const journal = readJournal(folder.journal).lines;
  const zeroMs = find(journal, "load-started")?.zeroMs ?? record.startedAtMs;
  const timeline = actualTimeline(journal, zeroMs);
  const ports = new Map(
    record.fleet.edges.flatMap(({ edge, listen }) => {
      const address = parseAddress(listen);
      return address ? [[address.port, edge] as const] : [];
    }),
  );
  const asked = journey === undefined ? undefined : tracesOfJourney(folder.history, target, journey);
  const { spans, loss } = elsewhere
    ? { spans: elsewhere, loss: { invalidLines: 0, cutBytes: 0 } }
    : collect(folder.traces);
  const traces = [...groupTraces(spans, target.entry).values()];
  const chosen = asked === undefined ? traces : withLinked(traces, asked);
  const prepared = prepareTraces(chosen, { ports, timeline, zeroMs });
  return {
    run: record.run,
    title: titleOf(record.experiment) ?? record.run,
    prepared: prepared.all,
    loss,
    timeline,
    graphOptions: graphOptionsOf(target),
    unsent: unsentSpans({ journal, spans, target, record }),
    inPhase: (phase) => prepared.inPhase(phase),
  };
}

function collect(file: string): { readonly spans: readonly Span[]; readonly loss: SpanStreamLoss } {
  const spans: Span[] = [];
  const stream = streamSpans(file);
  for (let next = stream.next(); ; next = stream.next()) {
    if (next.done === true) return { spans, loss: next.value };
    spans.push(next.value);
  }
}

function tracesOfJourney(history: string, target: Target, journey: string): ReadonlySet<string> {
  const mix = mixOf(target, journey);
  if (mix === undefined) {
    const known = [...target.journeys.names, ...Object.keys(target.journeys.mixes)];
    throw new SquallError("SQUALL_USAGE", `--journey: ${unknownName("journey", journey, known)}`);
  }
  const ids = new Set<string>();
  for (const line of readJsonl(history, (value) => historyLineSchema.parse(value)).lines)
    if (line.kind === "operation" && line.traceId !== undefined && Object.hasOwn(mix, line.journey))
      ids.add(line.traceId);
  return ids;
}

/** Work that is done later has a trace of its own, which links to the one that it came from. */
function withLinked(traces: readonly Trace[], asked: ReadonlySet<string>): readonly Trace[] {
  const followers = new Map<string, string[]>();
  for (const { traceId, spans } of traces)
    for (const { links } of spans)
      for (const link of links)
        followers.set(link.traceId, [...(followers.get(link.traceId) ?? []), traceId]);
  const chosen = new Set(asked);
  // A set that is added to while it is walked is walked to its new end.
  for (const traceId of chosen) for (const follower of followers.get(traceId) ?? []) chosen.add(follower);
  return traces.filter(({ traceId }) => chosen.has(traceId));
}

function titleOf(experiment: unknown): string | undefined {
  if (typeof experiment !== "object" || experiment === null || !("title" in experiment)) return undefined;
  return typeof experiment.title === "string" ? experiment.title : undefined;
}
