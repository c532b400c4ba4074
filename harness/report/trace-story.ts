import { formatDuration, formatRatio } from "../base/units.ts";
import type { Summary, TraceSummary } from "../record/summary.ts";
import type { During, TraceBlame, TraceFindings } from "../record/trace-findings.ts";
import { formatCount, formatCounted } from "./figures.ts";

/** What every report tells of traces in sentences, whatever its form: who is to blame, and what to look at. */

export type FindingKind = Exclude<keyof TraceFindings, "leftOut"> | "handledErrors";

export interface Finding {
  /** "payment -> gateway-a: 2.4 calls for each one that was asked for". */
  readonly text: string;
  /** "3 traces: none in the baseline, 3 in the fault". */
  readonly count: string;
  /** Of what the count counts; absent where it does not tell. */
  readonly during: During | undefined;
  readonly traceId: string | undefined;
  /** Lengths to draw against each other. */
  readonly bars: readonly { readonly label: string; readonly length: number; readonly text: string }[];
}

export interface FindingGroup {
  readonly kind: FindingKind;
  readonly title: string;
  /** One sentence: why it matters. */
  readonly why: string;
  /** Whether something is wrong, as against something to know. */
  readonly isProblem: boolean;
  /** Those that the fault brought first. */
  readonly findings: readonly Finding[];
}

const kinds: Readonly<Record<FindingKind, Pick<FindingGroup, "title" | "why" | "isProblem">>> = {
  undeclared: {
    title: "Edges that the target does not declare",
    why: "Nobody has said what shall happen when such a dependency fails, and no experiment can break it.",
    isProblem: true,
  },
  swallowedErrors: {
    title: "Errors that were swallowed",
    why: "A call failed, the client was told that all is well, and no span says what was done about it: the answer may be quietly wrong.",
    isProblem: true,
  },
  timeoutInversions: {
    title: "Callers that gave up before their callee",
    why: "The callee goes on for nobody, and its work may be done again by a retry: it should give up before its caller does.",
    isProblem: true,
  },
  retries: {
    title: "Retries that multiply calls",
    why: "Every retry is load on top, just when the callee can bear it least.",
    isProblem: true,
  },
  nPlusOne: {
    title: "The same asked again and again",
    why: "Time and load grow with the number of rows; one query or request for all of them would not.",
    isProblem: true,
  },
  fallbacks: {
    title: "Fallbacks that were served",
    why: "Clients got something else than what they asked for: decide whether it is good enough, and for how long.",
    isProblem: false,
  },
  handledErrors: {
    title: "Errors that were dealt with",
    why: "Here the patterns did their work: without them the client would have met the error.",
    isProblem: false,
  },
  sequentialCalls: {
    title: "Calls that could be made at once",
    why: "If they do not need each other's answers, the request would wait for the longest alone.",
    isProblem: false,
  },
  neverSeen: {
    title: "Edges that were declared and never called",
    why: "This run says nothing of them: either the load does not come there, or they are no longer used.",
    isProblem: false,
  },
  clockShifts: {
    title: "Clocks that disagree",
    why: "Times between these services were reckoned, not read: they are right to within the time of a call.",
    isProblem: false,
  },
};

const order = Object.keys(kinds) as FindingKind[];

/** What there is to look at, what is wrong first; a kind of which nothing was found is left out. */
export function findingGroups(findings: TraceFindings | undefined): readonly FindingGroup[] {
  if (findings === undefined) return [];
  const all = findingsByKind(findings);
  return order
    .map((kind) => ({ kind, ...kinds[kind], findings: all[kind].toSorted(newInFaultFirst) }))
    .filter((group) => group.findings.length > 0);
}

function newInFaultFirst(a: Finding, b: Finding): number {
  return Number(isNewInFault(b)) - Number(isNewInFault(a));
}

/** Whether it was not there before. */
export function isNewInFault({ during }: Finding): boolean {
  return during !== undefined && during.baseline === 0 && during.fault > 0;
}

function findingsByKind(found: TraceFindings): Readonly<Record<FindingKind, readonly Finding[]>> {
  const ofTraces = (traces: number, during: During): string => countText(traces, "trace", during);
  const errors = found.swallowedErrors.map(({ operation, failed, dealtWith, traces, during, traceId }) => ({
    dealtWith,
    text:
      `${failed} failed below ${operation}, which succeeded` +
      (dealtWith === "none" ? "" : `: ${dealtWithWords[dealtWith]}`),
    count: ofTraces(traces, during),
    during,
    traceId,
    bars: [],
  }));
  return {
    undeclared: found.undeclared.map(({ edge, calls, during, traceId }) => ({
      text: edge,
      count: countText(calls, "call", during),
      during,
      traceId,
      bars: [],
    })),
    swallowedErrors: errors.filter(({ dealtWith }) => dealtWith === "none"),
    handledErrors: errors.filter(({ dealtWith }) => dealtWith !== "none"),
    timeoutInversions: found.timeoutInversions.map((one) => ({
      text: `${one.edge}: gave up on ${formatCount(one.calls)} of ${formatCounted(one.ofCalls, "call")}`,
      count: countText(one.calls, "call", one.during),
      during: one.during,
      traceId: one.traceId,
      bars: [
        bar("gave up after", one.gaveUpAfterMs, formatDuration),
        bar("callee then went on for", one.wentOnMs, formatDuration),
      ],
    })),
    retries: found.retries.filter(doesMultiply).map((one) => ({
      text: `${one.edge}: ${times(one.amplification)} calls for each one that was asked for, ${times(one.worstAmplification)} in the worst request`,
      count: countText(one.retries, "retry", one.during, "retries"),
      during: one.during,
      traceId: one.traceId,
      bars: [bar("asked for", one.firstCalls, formatCount), bar("made", one.calls, formatCount)],
    })),
    nPlusOne: found.nPlusOne.map((one) => ({
      text: `${one.operation} asks ${one.edge} up to ${formatCounted(one.mostCalls, "time")} in a row: ${one.shape}`,
      count: `${ofTraces(one.traces, one.during)}; ${formatDuration(one.meanMs)} each on the mean`,
      during: one.during,
      traceId: one.traceId,
      bars: [],
    })),
    fallbacks: found.fallbacks.map((one) => ({
      text: `${one.operation} served ${one.fallback}`,
      count: `${formatCount(one.traces)} of ${formatCounted(one.ofTraces, "trace")} (${formatRatio(one.traces / one.ofTraces)}): ${duringText(one.during)}`,
      during: one.during,
      traceId: one.traceId,
      bars: [],
    })),
    sequentialCalls: found.sequentialCalls.map((one) => ({
      text: `${one.operation} calls ${one.edges.map(calleeOf).join(", then ")}`,
      count: ofTraces(one.traces, one.during),
      during: one.during,
      traceId: one.traceId,
      bars: [
        bar("one after the other", one.sequentialMs, formatDuration),
        bar("at once, if independent", one.parallelMs, formatDuration),
      ],
    })),
    neverSeen: found.neverSeen.map((edge) => ({
      text: edge,
      count: "no call in the whole run",
      during: undefined,
      traceId: undefined,
      bars: [],
    })),
    clockShifts: found.clockShifts.map(({ caller, callee, spans, largestMs }) => ({
      text: `${callee}'s clock against ${caller}'s: off by up to ${formatDuration(largestMs)}`,
      count: `${formatCounted(spans, "span")} shifted`,
      during: undefined,
      traceId: undefined,
      bars: [],
    })),
  };
}

/** A retry now and then is what retries are for. */
function doesMultiply({ amplification, worstAmplification }: TraceFindings["retries"][number]): boolean {
  return amplification >= 1.1 || worstAmplification >= 3;
}

const dealtWithWords = {
  fallback: "a fallback was served",
  "failed-over": "another was asked",
  retried: "it was asked again",
  hedged: "a second attempt was under way",
} as const;

function bar(label: string, length: number, format: (length: number) => string): Finding["bars"][number] {
  return { label, length, text: format(length) };
}

/** "3 traces: none in the baseline, 3 in the fault". */
function countText(count: number, one: string, during: During, many?: string): string {
  return `${formatCounted(count, one, many)}: ${duringText(during)}`;
}

function duringText({ baseline, fault }: During): string {
  const number = (count: number): string => (count === 0 ? "none" : formatCount(count));
  return `${number(baseline)} in the baseline, ${number(fault)} in the fault`;
}

function times(amplification: number): string {
  return String(Number(amplification.toFixed(amplification < 10 ? 2 : 0)));
}

function calleeOf(edge: string): string {
  return edge.slice(edge.indexOf(" -> ") + 4);
}

/** One sentence on what explains the change, for each place that does; one that says so where nothing does. */
export function blameTexts({ blamed, traces }: TraceBlame): readonly string[] {
  if (traces.baseline === 0 || traces.fault === 0)
    return ["Baseline and fault have no operation in common, so there is nothing to compare."];
  if (blamed.length === 0)
    return [
      "Nothing changed from baseline to fault that could be told from chance: no edge and no service took longer, or failed more.",
    ];
  return blamed.flatMap(({ place, kind, time, errors }) => {
    const where = kind === "edge" ? place : `${place} itself`;
    return [
      ...(time === undefined
        ? []
        : [
            `${where} explains ${percent(time.share)} of the time that was added: ${formatDuration(time.baselineMs)} → ${formatDuration(time.faultMs)} of a trace that comes there.`,
          ]),
      ...(errors === undefined
        ? []
        : [
            `${where} explains ${percent(errors.share)} of the failures that were added: ${failedText(errors.baseline)} → ${failedText(errors.fault)} failed.`,
          ]),
    ];
  });
}

function failedText({ failed, of }: { readonly failed: number; readonly of: number }): string {
  return `${formatCount(failed)} of ${formatCount(of)}`;
}

/** How far the comparison carries: "a trace took 22 ms → 38 ms on the mean, 1,411 → 2,226 traces compared". */
export function blameScopeText({ traces, meanMs, growth, begun, untested }: TraceBlame): string {
  return [
    `a trace took ${formatDuration(meanMs.baseline)} → ${formatDuration(meanMs.fault)} on the mean, ${formatCount(traces.baseline)} → ${formatCounted(traces.fault, "trace")} compared`,
    ...(growth > 1.05
      ? [`all places together took ${growth.toFixed(1)} times as long, which is nobody's fault`]
      : []),
    ...(begun.length === 0 ? [] : [`only called in the fault: ${listed(begun.map(({ place }) => place))}`]),
    ...(untested.length === 0 ? [] : [`too few traces to tell of the time of ${listed(untested)}`]),
  ].join("; ");
}

/** "a, b, c and 4 more". */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length <= 3 ? shown : `${shown} and ${names.length - 3} more`;
}

/** Of a share, whole per cents are enough. */
export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** "checkout: place order", or what the system did by itself. */
export function traceTitle({ journey, step }: TraceSummary): string {
  return journey === undefined ? step : `${journey}: ${step}`;
}

/** Where the trace is looked at in Jaeger, if one was named; nothing for what is no trace id. */
export function jaegerUrl({ run }: Pick<Summary, "run">, traceId: string): string | undefined {
  return run.jaeger === undefined || !/^[\da-f]+$/.test(traceId)
    ? undefined
    : `${run.jaeger}/trace/${traceId}`;
}
