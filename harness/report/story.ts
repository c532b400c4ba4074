import { formatDuration, formatRatio, formatSize } from "../base/units.ts";
import type { AffectedCall, FaultSummary, Summary } from "../record/summary.ts";
import { formatCount, formatCounted, formatRate } from "./figures.ts";
import type { Tone } from "./words.ts";

/** What every report tells in sentences, whatever its form: the load, the target, each fault and what came of it. */

/** How a fault went, by its evidence; all but `felt` keep a run from being a pass. */
export type FaultEvidence = {
  readonly kind: "felt" | "untouched" | "not-injected" | "in-place" | "undo-failed";
} & {
  readonly tone: Tone;
  /** One sentence. */
  readonly text: string;
};

export function faultEvidence(fault: FaultSummary): FaultEvidence {
  if (fault.injectedMs === undefined)
    return { kind: "not-injected", tone: "warn", text: "It was never injected." };
  if (fault.undoError !== undefined)
    return { kind: "undo-failed", tone: "bad", text: `It could not be undone: ${fault.undoError}` };
  if (fault.undoneMs === undefined)
    return {
      kind: "in-place",
      tone: "bad",
      text: "Its undo is not on record: it may still be in place. Run squall recover.",
    };
  if (!fault.bit)
    return {
      kind: "untouched",
      tone: "warn",
      text: `${fault.shownBy === undefined ? "It touched nothing" : "Nothing shows that it was felt"}: ${affectedText(fault)}.`,
    };
  return { kind: "felt", tone: "good", text: `It was felt: ${affectedText(fault)}.` };
}

/** "225 calls over the edge, 22 failed (9.78 %); 48 of 50 connections and 118.4 KB affected". */
export function affectedText(fault: FaultSummary): string {
  const { calls, failedCalls } = fault;
  const failed =
    calls === 0 ? "" : `, ${formatCount(failedCalls)} failed (${formatRatio(failedCalls / calls)})`;
  if (fault.actsOn === "process")
    return `${countsText(fault)}${calls === 0 ? "" : `; ${formatCounted(calls, "call")} to it meanwhile${failed}`}`;
  return `${formatCounted(calls, "call")} over the edge${failed}; ${countsText(fault)}`;
}

/** What the injector counted: "96 calls matched, 10 drawn, 10 affected; 2 connections could not be read". */
export function countsText({
  actsOn,
  process,
  evidence = `${process} was killed`,
  matched,
  drawn,
  affected,
  unreadableConnections = 0,
  shownBy,
}: FaultSummary): string {
  if (actsOn === "process") return evidence;
  if (affected === undefined) return shownBy ?? "the injector's own counts are missing";
  switch (actsOn) {
    case "connections": {
      // A proxy that is down cuts what is there: nothing is matched or drawn first.
      const of =
        matched === undefined || matched.connections === 0 ? "" : ` of ${formatCount(matched.connections)}`;
      const noun = (matched?.connections || affected.connections) === 1 ? "connection" : "connections";
      return `${formatCount(affected.connections)}${of} ${noun} and ${formatSize(affected.bytes)} affected`;
    }
    case "calls": {
      const counts = [
        ...(matched === undefined ? [] : [`${formatCounted(matched.requests, "call")} matched`]),
        ...(drawn === undefined ? [] : [`${formatCount(drawn.requests)} drawn`]),
        `${formatCount(affected.requests)} affected`,
      ];
      const unread =
        unreadableConnections === 0
          ? ""
          : `; ${formatCounted(unreadableConnections, "connection")} could not be read`;
      return `${counts.join(", ")}${unread}`;
    }
  }
}

/** "POST /payments (match 2): lost the answer". */
export function affectedCallText({ call, request, effect }: AffectedCall): string {
  return `${call} (match ${formatCount(request)}): ${effect}`;
}

/** "from 20 s to 45 s (25 s), undone by plan in 2.4 ms". */
export function faultWindowText({ injectedMs, undoneMs, undoneBy, undoDurationMs }: FaultSummary): string {
  if (injectedMs === undefined) return "never injected";
  if (undoneMs === undefined) return `from ${formatDuration(injectedMs)} on, no undo on record`;
  const by = undoneBy === undefined ? "" : ` by ${undoneBy}`;
  const took = undoDurationMs === undefined ? "" : ` in ${formatDuration(undoDurationMs)}`;
  const length = formatDuration(Math.round(undoneMs - injectedMs));
  return `from ${formatDuration(injectedMs)} to ${formatDuration(undoneMs)} (${length}), undone${by}${took}`;
}

/** "shopper at 60/s". */
export function loadTitle({ load }: Summary): string {
  const by = load.k6 === undefined ? "" : `, by k6 ${load.k6.version}`;
  return `${load.journey} ${load.arrivals ?? `at ${formatRate(load.ratePerSecond)}`}${by}`;
}

/** "3,600 of 3,600 journeys sent, starts late by 1.7 ms at the 99th percentile, driver at 12 % of a processor". */
export function loadText({ load }: Summary): string {
  const { lateP99Ms, cpuShare, stallMaxMs, k6 } = load;
  return [
    `${formatCount(load.sent)} of ${formatCounted(load.intended, "journey")} sent`,
    ...(lateP99Ms === undefined
      ? []
      : [`starts late by ${formatDuration(lateP99Ms)} at the 99th percentile`]),
    ...(cpuShare === undefined ? [] : [`driver at ${formatRatio(cpuShare)} of a processor`]),
    ...(stallMaxMs === undefined ? [] : [`longest stall ${formatDuration(stallMaxMs)}`]),
    // k6 does not say when an iteration was due, so that none of its figures counts what it came too late.
    ...(k6 === undefined
      ? []
      : [
          `${formatCount(k6.dropped)} dropped by k6`,
          "latency from the start of an iteration, not from when it was due",
        ]),
  ].join(", ");
}

/** "shop on the process runtime, patterns=none". */
export function targetText({ run }: Summary): string {
  const through = run.proxy === undefined ? [] : [`through ${run.proxy}`];
  const { beyondLimits } = run;
  const beyond =
    beyondLimits === undefined
      ? ""
      : `; beyond its limits (${beyondLimits.breaches.join("; ")}), because: ${beyondLimits.reason}`;
  return `${[`${run.target} on the ${run.runtime} runtime`, ...through, ...settingsList(run.settings)].join(", ")}${beyond}`;
}

/** "held 3 · deviated 1", in that order of weight. */
export function tally(outcomes: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
}

/** What is said when evidence is missing because the engine died; `undefined` for a run that ended in order. */
export function incompleteText({ run }: Summary): string | undefined {
  return run.isComplete
    ? undefined
    : "This record is incomplete: the run ended before its evidence was collected. What follows is what was on disk by then. Run squall recover to be sure that no fault is left.";
}

/** "58,902 spans of 5,041 traces; every trace is whole and every operation was traced". */
export function telemetryText({ telemetry }: Summary): string {
  const { spans, traces, incompleteTraces, excusedTraces, lacks, untracedOperations } = telemetry;
  if (spans === 0) return "no spans arrived: traces and per-edge figures are missing";
  const gaps = [
    ...(incompleteTraces === 0
      ? []
      : [
          `${formatCounted(incompleteTraces, "trace")} incomplete (${lacks.map((one) => `${one.what} ${formatCount(one.traces)}`).join(", ")})`,
        ]),
    ...(excusedTraces === 0 ? [] : [`${formatCount(excusedTraces)} of those met a service as it was killed`]),
    ...(untracedOperations === 0
      ? []
      : [`${formatCounted(untracedOperations, "operation")} without a single span`]),
  ];
  const whole = gaps.length === 0 ? "every trace is whole and every operation was traced" : gaps.join(", ");
  return `${formatCounted(spans, "span")} of ${formatCounted(traces, "trace")}; ${whole}`;
}

function settingsList(settings: Summary["run"]["settings"]): string[] {
  return Object.entries(settings).map(([key, value]) => `${key}=${value}`);
}
