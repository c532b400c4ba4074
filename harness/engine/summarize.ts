import { formatEdge } from "../base/edge.ts";
import { checkInvariant } from "../consistency/check.ts";
import { describeArrivals } from "../experiment/arrivals.ts";
import { isEdgeFault } from "../experiment/fault.ts";
import { driverFiguresSchema } from "../record/journal.ts";
import { summaryVersion, type Summary } from "../record/summary.ts";
import { edgesOf, isStandby, kindOf } from "../target/target.ts";
import { countCompleteness } from "../traces/completeness.ts";
import type { EdgeFigures } from "../traces/edge-figures.ts";
import { figuresBetween } from "./edge-figures.ts";
import { find, operationsIn, readEvidence, type Evidence } from "./evidence.ts";
import { faultSummaries } from "./fault-summary.ts";
import { journeyFigures, seriesOf, toSample } from "./figures.ts";
import { journeysNamed } from "./journeys-named.ts";
import { judgeAlert } from "./judge-alert.ts";
import { judge, type Findings } from "./judge.ts";
import { judgeObjective } from "./judge-objective.ts";
import { excerptLogs } from "./log-excerpt.ts";
import { graphOptionsOf, prepareTraces } from "./prepared-traces.ts";
import { radiusSummary } from "./radius-summary.ts";
import { thresholdObjectives } from "./threshold-objectives.ts";
import { timelineEvents } from "./timeline-events.ts";
import { traceComparisons } from "./trace-comparison.ts";
import { traceBlame, traceFindings } from "./trace-findings.ts";
import { unbiddenEnds } from "./unbidden-ends.ts";
import { worstTraces } from "./worst-traces.ts";

/**
 * Judges a run from its folder alone.
 *
 *   run folder ─readEvidence→ Evidence ─check, judge→ Summary
 *
 * @throws {SQUALL_FILE} when the folder is no run folder
 */
export async function summarize(path: string): Promise<Summary> {
  return summaryOf(readEvidence(path), path);
}

function summaryOf(evidence: Evidence, path: string): Summary {
  const { record, experiment, target, journal, timeline, zeroMs } = evidence;
  const { journey, arrivals } = experiment.load;
  const samples = evidence.journeys.map((line) => toSample(line, zeroMs));
  const loadStarted = find(journal, "load-started");
  const loadEnded = find(journal, "load-ended");
  const endMs = timeline.at(-1)?.endMs ?? 0;
  const invariants = target.invariants.map((invariant) => checkInvariant(invariant, evidence.rows));
  const faults = faultSummaries(evidence);
  const undoneMs = faults
    .flatMap((fault) => fault.undoneMs ?? [])
    .reduce<number | undefined>(later, undefined);
  const facts = {
    samples,
    timeline,
    invariants,
    undoneMs,
    endMs,
    journeysOf: journeysNamed(experiment, target),
    log: evidence.alertLog,
    zeroMs,
    injectedMs: faults
      .flatMap((fault) => fault.injectedMs ?? [])
      .reduce<number | undefined>((first, atMs) => Math.min(first ?? atMs, atMs), undefined),
  };
  // Each alert is an objective of its own.
  const promised = experiment.hypothesis
    .flatMap((spec) =>
      spec.kind === "alerts"
        ? spec.alerts.map((alert) => (id: string) => judgeAlert(id, alert, facts))
        : [(id: string) => judgeObjective(id, spec, facts)],
    )
    .map((judgeOne, index) => judgeOne(`o${index + 1}`));
  const objectives = [...promised, ...thresholdObjectives(loadEnded?.k6?.thresholds ?? [])];
  const load = {
    journey,
    // Of a load that never started nobody knows, where it would have been a recording.
    ratePerSecond: loadStarted?.ratePerSecond ?? ("ratePerSecond" in arrivals ? arrivals.ratePerSecond : 0),
    arrivals: describeArrivals(arrivals),
    intended: loadEnded?.intended ?? samples.length,
    sent: samples.filter(({ wasSent }) => wasSent).length,
    ...driverFiguresSchema.parse(loadEnded ?? {}),
    ...(loadEnded?.k6 === undefined ? {} : { k6: loadEnded.k6 }),
  };
  const { traces } = evidence;
  const prepared = prepareTraces(traces.values(), { ports: evidence.edgeByPort, timeline, zeroMs });
  const completeness = countCompleteness(traces.values(), {
    entry: target.entry,
    unsent: evidence.unsent,
    ports: evidence.edgeByPort,
  });
  const baselineOperations = operationsIn(evidence, "baseline").filter(({ sentMs }) => sentMs !== undefined);
  const telemetry = {
    spans: evidence.spans.length,
    traces: traces.size,
    incompleteTraces: completeness.incomplete,
    excusedTraces: completeness.excused,
    lacks: Object.entries(completeness.byReason)
      .filter(([, count]) => count > 0)
      .map(([reason, count]) => ({ what: reason.replaceAll("-", " "), traces: count })),
    untracedOperations: baselineOperations.filter(
      ({ traceId }) => traceId !== undefined && !traces.has(traceId),
    ).length,
  };
  const blame = traceBlame(prepared);
  const findings = traceFindings(prepared, graphOptionsOf(target));
  const comparisons = traceComparisons(evidence);
  const shown = worstTraces(evidence, prepared, { objectives, faults, blame, comparisons, findings });
  const edges = edgeSummaries(evidence);
  const logs = excerptLogs(path, {
    traces: shown.flatMap(({ traceId }) => {
      const startMs = prepared.byId.get(traceId)?.trace.spans[0]?.startMs;
      return startMs === undefined ? [] : [{ traceId, startMs }];
    }),
    spans: evidence.spans,
  });
  return {
    schemaVersion: summaryVersion,
    run: {
      id: record.run,
      startedAtMs: record.startedAtMs,
      endedAtMs: evidence.endedAtMs,
      seed: record.seed,
      settings: record.settings,
      command: record.command,
      versions: record.versions,
      machine: record.machine,
      runtime: record.fleet.runtime,
      ...(record.fleet.proxy?.counts === false && { proxy: record.fleet.proxy.name }),
      target: target.name,
      ...beyondLimits(evidence),
      file: record.file,
      ...(record.jaeger === undefined ? {} : { jaeger: record.jaeger }),
      isComplete: find(journal, "collected") !== undefined,
    },
    title: experiment.title,
    ...(experiment.description === undefined ? {} : { description: experiment.description }),
    load,
    phases: timeline.map((phase) => ({ ...phase })),
    verdict: judge({
      objectives,
      faults,
      load,
      telemetry,
      baselineOperations: baselineOperations.length,
      ends: unbiddenEnds(journal, target),
      endedEarly: earlyEnd(evidence),
    }),
    objectives,
    faults,
    radius: radiusSummary(evidence, { faults, edges }),
    journeys: [...journeyFigures(samples, timeline, journey)],
    series: seriesOf(samples, endMs, journey),
    edges,
    invariants,
    traces: shown,
    ...(blame && { blame }),
    comparisons,
    ...(findings && { findings }),
    ...(logs && { logs }),
    telemetry,
    timeline: timelineEvents(journal, zeroMs),
  };
}

function edgeSummaries(evidence: Evidence): Summary["edges"] {
  const { target, timeline, zeroMs } = evidence;
  const figuresIn = (phase: "baseline" | "fault"): ReadonlyMap<string, EdgeFigures> => {
    const window = timeline.find((candidate) => candidate.phase === phase);
    return window
      ? figuresBetween(evidence, { startMs: zeroMs + window.startMs, endMs: zeroMs + window.endMs })
      : new Map();
  };
  const baseline = figuresIn("baseline");
  const fault = figuresIn("fault");
  const broken = new Set(evidence.experiment.faults.filter(isEdgeFault).map(({ edge }) => formatEdge(edge)));
  const none: EdgeFigures = { calls: 0, errors: 0 };
  const declared = edgesOf(target).map((edge) => ({
    edge: formatEdge(edge),
    ...edge,
    calleeKind: kindOf(target, edge.callee) ?? ("service" as const),
    isDeclared: true,
    isStandby: isStandby(target, edge.caller, edge.callee),
  }));
  const known = new Set(declared.map(({ edge }) => edge));
  const undeclared = [...new Set([...baseline.keys(), ...fault.keys()])]
    .filter((edge) => !known.has(edge))
    .map((edge) => {
      const [caller = "", callee = ""] = edge.split(" -> ");
      const calleeKind = kindOf(target, callee) ?? ("outside" as const);
      return { edge, caller, callee, calleeKind, isDeclared: false, isStandby: false };
    });
  return [...declared, ...undeclared].map((one) => ({
    ...one,
    baseline: baseline.get(one.edge) ?? none,
    fault: fault.get(one.edge) ?? none,
    isBroken: broken.has(one.edge),
  }));
}

function beyondLimits({ journal }: Evidence): Pick<Summary["run"], "beyondLimits"> {
  const exceeded = find(journal, "limits-exceeded");
  if (exceeded === undefined) return {};
  const { reason, breaches } = exceeded;
  return { beyondLimits: { reason, breaches } };
}

function earlyEnd({ journal }: Evidence): Findings["endedEarly"] {
  const interrupted = find(journal, "interrupted");
  if (interrupted) return { by: "interrupt", detail: `interrupted by ${interrupted.signal}` };
  const lost = find(journal, "lease-lost");
  if (lost) return { by: "lease", detail: lost.why };
  const tripped = find(journal, "guard-tripped");
  if (tripped) return { by: "guard", detail: `${tripped.guard}: ${tripped.detail}` };
  const failed = find(journal, "failed");
  if (failed) return { by: "crash", detail: `${failed.code}: ${failed.message}` };
  const tookOver = find(journal, "watchdog-took-over");
  if (tookOver) return { by: "crash", detail: `${tookOver.why}, and the watchdog took over` };
  if (!find(journal, "collected")) return { by: "crash", detail: "the journal ends before the run did" };
  return undefined;
}

function later(a: number | undefined, b: number): number {
  return a === undefined ? b : Math.max(a, b);
}
