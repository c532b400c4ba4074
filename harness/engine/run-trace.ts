import { createHash } from "node:crypto";
import { runAttribute } from "../record/otlp.ts";
import type { FaultSummary, Summary, TraceSummary } from "../record/summary.ts";

/**
 * A run as a trace of its own, so that Jaeger shows a fault beside what it did:
 *
 *   run ─┬─ phase warmup
 *        ├─ phase baseline
 *        ├─ phase fault ─── fault latency 3 s on payment -> gateway-a ···links···▶ the worst requests meanwhile
 *        └─ phase recovery
 *
 * Made from what was judged, and the same each time that it is made: its ids come of the run's name. Readers of the fleet's
 * spans leave it out, by the resource's `squall.run`.
 */
export interface RunTraceOptions {
  /** Epoch milliseconds of the run's zero. */
  readonly zeroMs: number;
  /** The span that began each of the summary's traces; one whose root was lost is not linked to. */
  readonly rootSpanIds: ReadonlyMap<string, string>;
}

type AttributeValue = string | number | boolean | undefined;

/** One OTLP/JSON request. */
export interface RunTraceRequest {
  readonly resourceSpans: readonly [
    {
      readonly resource: object;
      readonly scopeSpans: readonly [{ readonly scope: object; readonly spans: readonly object[] }];
    },
  ];
}

/** The trace of a run that was judged. Pure: the same summary gives the same trace, ids and all. */
export function runTrace(summary: Summary, options: RunTraceOptions): RunTraceRequest {
  const { run, title, verdict, load, phases, faults, traces } = summary;
  const { traceId } = runTraceIds(run.id);
  const toldMs = summary.timeline.map(({ atMs }) => atMs);
  const startMs = Math.min(run.startedAtMs - options.zeroMs, ...toldMs);
  const endMs = Math.max(startMs, ...phases.map((one) => one.endMs), ...toldMs);
  const spanIn = (span: SpanIn): object => encodeSpan(traceId, span, options);
  const rootId = spanIdOf(run.id, "run");
  const isWrong = verdict.outcome === "deviated" || verdict.outcome === "not-recovered";
  const root = spanIn({
    ...{ spanId: rootId, parentSpanId: undefined, name: "run", startMs, endMs },
    attributes: {
      "squall.title": title,
      "squall.verdict": verdict.outcome,
      "squall.experiment": run.file,
      "squall.target": run.target,
      "squall.seed": run.seed,
      "squall.journey": load.journey,
      "squall.journeys.intended": load.intended,
    },
    events: summary.timeline,
    linked: traces,
    error: isWrong ? verdict.headline : undefined,
  });
  const ofPhases = phases.map(({ phase, ...times }) => {
    const figures = summary.journeys[0]?.phases.find((one) => one.phase === phase);
    return spanIn({
      ...{ spanId: spanIdOf(run.id, phase), parentSpanId: rootId, name: `phase ${phase}`, ...times },
      attributes: {
        "squall.phase": phase,
        "squall.journeys.started": figures?.started,
        "squall.journeys.ok": figures?.ok,
        "squall.journeys.failed": figures?.fail,
        "squall.journeys.unknown": figures?.unknown,
      },
    });
  });
  const ofFaults = faults.flatMap((fault) => {
    const { injectedMs } = fault;
    if (injectedMs === undefined) return [];
    const undoneMs = fault.undoneMs ?? endMs;
    const phase = phases.find((one) => injectedMs >= one.startMs && injectedMs < one.endMs)?.phase;
    return spanIn({
      spanId: spanIdOf(run.id, fault.id),
      parentSpanId: phase === undefined ? rootId : spanIdOf(run.id, phase),
      name: `fault ${fault.title}`,
      startMs: injectedMs,
      endMs: undoneMs,
      attributes: faultAttributes(fault),
      linked: traces.filter((one) => one.startMs < undoneMs && one.startMs + one.durationMs > injectedMs),
      error: fault.undoError,
    });
  });
  const resource = {
    attributes: encodeAttributes({
      // First: by it the line is known again.
      [runAttribute]: run.id,
      "service.name": "squall",
      "service.version": run.versions.squall,
    }),
  };
  const spans = [root, ...ofPhases, ...ofFaults];
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "squall" }, spans }] }] };
}

/** Where a run's trace is found: the ids of the trace and of its first span. */
export function runTraceIds(run: string): { readonly traceId: string; readonly spanId: string } {
  return { traceId: digest(run).slice(0, 32), spanId: spanIdOf(run, "run") };
}

function spanIdOf(run: string, what: string): string {
  return digest(`${run}/${what}`).slice(0, 16);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function faultAttributes(fault: FaultSummary): Readonly<Record<string, AttributeValue>> {
  const { matched, affected } = fault;
  return {
    "squall.fault": fault.id,
    "squall.fault.kind": fault.kind,
    "squall.edge": fault.edge,
    "squall.process": fault.process,
    "squall.fault.undone_by": fault.undoneBy,
    "squall.fault.bit": fault.bit,
    "squall.matched.connections": matched?.connections,
    "squall.matched.calls": matched?.requests,
    "squall.affected.connections": affected?.connections,
    "squall.affected.calls": affected?.requests,
    "squall.affected.bytes": affected?.bytes,
    "squall.edge.calls": fault.edge === undefined ? undefined : fault.calls,
    "squall.edge.failed_calls": fault.edge === undefined ? undefined : fault.failedCalls,
  };
}

/** Times are milliseconds from the run's zero. */
interface SpanIn {
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly events?: Summary["timeline"];
  readonly linked?: readonly TraceSummary[];
  readonly error?: string | undefined;
}

function encodeSpan(traceId: string, span: SpanIn, { zeroMs, rootSpanIds }: RunTraceOptions): object {
  const { spanId, parentSpanId, name, startMs, endMs, events = [], linked = [], error } = span;
  const links = linked.flatMap((trace) => {
    const root = rootSpanIds.get(trace.traceId);
    if (root === undefined) return [];
    return {
      traceId: trace.traceId,
      spanId: root,
      attributes: encodeAttributes({ "squall.why": trace.why }),
    };
  });
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    name,
    kind: 1,
    startTimeUnixNano: nanoseconds(zeroMs + startMs),
    endTimeUnixNano: nanoseconds(zeroMs + endMs),
    attributes: encodeAttributes(span.attributes),
    ...(events.length === 0
      ? {}
      : {
          events: events.map(({ atMs, event, text }) => ({
            timeUnixNano: nanoseconds(zeroMs + atMs),
            name: event,
            attributes: encodeAttributes({ "squall.text": text }),
          })),
        }),
    ...(links.length === 0 ? {} : { links }),
    ...(error === undefined ? {} : { status: { code: 2, message: error } }),
  };
}

function encodeAttributes(attributes: Readonly<Record<string, AttributeValue>>): readonly object[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : { key, value: encodeValue(value) },
  );
}

function encodeValue(value: string | number | boolean): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  return Number.isInteger(value) ? { intValue: `${value}` } : { doubleValue: value };
}

/** Exact to a microsecond: a double holds no more of an epoch. */
function nanoseconds(epochMs: number): string {
  return `${BigInt(Math.round(epochMs * 1_000)) * 1_000n}`;
}
