import { formatDuration, formatRatio } from "../base/units.ts";
import { formatCount, formatCounted } from "../report/figures.ts";
import { printableLine } from "../report/printable.ts";
import { phaseWords } from "../report/words.ts";
import type { SlowTrace, TraceAnalysis } from "../traces/analysis.ts";
import type { Blamed } from "../traces/blame.ts";
import type { GraphEdge } from "../traces/dependency-graph.ts";
import type { ResilienceSign } from "../traces/resilience-sign.ts";
import type { Colors } from "./command-context.ts";
import type { Comparison, TracesTold } from "./traces.ts";

export interface TracesTextOptions {
  readonly colors: Colors;
  /** Of the terminal. */
  readonly columns: number;
}

/** The most of each list: a page, the rest is in --json. */
const most = { edges: 12, findings: 2, places: 4 } as const;

/**
 * What a run's traces tell, for a terminal: first what explains the change, then the edges, then what to look at, then the
 * slowest traces. Every statement ends with a trace to look up.
 */
export function tracesText(told: TracesTold, { colors, columns }: TracesTextOptions): readonly string[] {
  const width = Math.max(60, Math.min(160, Math.floor(columns)));
  const { analysis, comparison } = told;
  const heading = (text: string): readonly string[] => ["", colors.bold(text)];
  const says = ({ text, tone, traceId }: Statement): readonly string[] =>
    statement(text, traceId, width).map((line) => (tone === "bad" ? colors.red(line) : line));
  const findings = findingsOf(analysis);
  return [
    ...wrap(printableLine(told.title), width, 0).map(colors.bold),
    ...wrap(`run      ${told.run}${told.journey === undefined ? "" : `, only ${told.journey}`}`, width, 9),
    ...countLines(told, width).map((line) => (line.startsWith("!") ? colors.red(line) : line)),
    ...(comparison === undefined
      ? []
      : [
          ...heading(
            `${word(comparison.phases[0])} → ${word(comparison.phases[1])}: what explains the change`,
          ),
          ...blameStatements(comparison).flatMap(says),
        ]),
    ...heading("Edges, those with failures first, then the slowest"),
    ...edgeLines(told, width, colors),
    ...heading("To look at, over the whole run"),
    ...(findings.length === 0 ? ["nothing"] : findings.flatMap(says)),
    ...(told.slowest.length === 0
      ? []
      : [
          ...heading(
            `The slowest${comparison === undefined ? "" : ` of the ${word(comparison.phases[1])}`}, and where their time went`,
          ),
          ...told.slowest.flatMap((trace) => slowLines(trace, width)),
        ]),
  ];
}

function word(phase: Comparison["phases"][number]): string {
  return phaseWords[phase];
}

function countLines({ analysis, lost }: TracesTold, width: number): readonly string[] {
  const { completeness, spans, clockShifts } = analysis;
  const { traces, incomplete, byReason, duplicates, examples } = completeness;
  const reasons = Object.entries(byReason)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${formatCount(count)} ${reason.replaceAll("-", " ")}`);
  const unread = lost.invalidLines + (lost.cutBytes > 0 ? 1 : 0);
  const lines = [
    `traces   ${formatCounted(traces, "trace")} of ${formatCounted(spans, "span")}` +
      (incomplete === 0 ? ", every one complete" : "") +
      (duplicates === 0 ? "" : `; ${formatCounted(duplicates, "span")} came more than once`),
    ...(incomplete === 0
      ? []
      : [
          `! ${formatCounted(incomplete, "trace is", "traces are")} incomplete (${reasons.join(", ")}), e.g. ${examples[0]}`,
        ]),
    ...(unread === 0 ? [] : [`! ${formatCounted(unread, "batch", "batches")} of spans could not be read`]),
    ...clockShifts
      .slice(0, most.findings)
      .map(
        ({ caller, callee, spans: shifted, largestMs }) =>
          `! the clock of ${callee} is off against ${caller}'s: ${formatCounted(shifted, "span")} shifted, by up to ${formatDuration(largestMs)}`,
      ),
  ];
  return lines.flatMap((line) => wrap(line, width, line.startsWith("!") ? 2 : 9));
}

interface Statement {
  readonly text: string;
  readonly tone: "bad" | "plain";
  readonly traceId?: string | undefined;
}

function blameStatements({ blame, phases }: Comparison): readonly Statement[] {
  const { traces, meanMs, blamed, begun, untested, growth, leftOut } = blame;
  const plain = (text: string, traceId?: string): Statement => ({
    text: `  ${text}`,
    tone: "plain",
    traceId,
  });
  const quiet = untested.filter((place) => !blamed.some((one) => one.place === place));
  return [
    ...blamed.map((one) => ({
      text: `✗ ${blamedText(one)}`,
      tone: "bad" as const,
      traceId: one.traceIds[0],
    })),
    ...(blamed.length === 0
      ? [plain(traces.baseline === 0 || traces.fault === 0 ? "nothing to compare" : "nothing stands out")]
      : []),
    plain(
      `a trace took ${formatDuration(meanMs.baseline)} → ${formatDuration(meanMs.fault)} on the mean, ` +
        `${formatCount(traces.baseline)} → ${formatCounted(traces.fault, "trace")} compared` +
        (growth > 1.05 ? `; everything took ${growth.toFixed(1)} times as long` : "") +
        (leftOut === 0
          ? ""
          : `; ${formatCount(leftOut)} of operations that the ${word(phases[0])} lacks left out`),
    ),
    ...begun
      .slice(0, most.findings)
      .map(({ place, traces: count }) =>
        plain(`${place} began to be called, in ${formatCounted(count, "trace")}`),
      ),
    ...(quiet.length === 0 ? [] : [plain(`too few traces to tell of the time of ${quiet.join(", ")}`)]),
  ];
}

function blamedText({ place, kind, time, errors }: Blamed): string {
  const parts = [
    ...(time === undefined
      ? []
      : [
          `${formatDuration(time.baselineMs)} → ${formatDuration(time.faultMs)} of a trace, ` +
            `${percent(time.share)} of all time added (${formatCounted(time.traces.fault, "trace")})`,
        ]),
    ...(errors === undefined
      ? []
      : [
          `${formatCount(errors.baseline.failed)} of ${formatCount(errors.baseline.of)} → ` +
            `${formatCount(errors.fault.failed)} of ${formatCount(errors.fault.of)} failed, ` +
            `${percent(errors.share)} of all failures added (${formatCounted(errors.traces, "trace")})`,
        ]),
  ];
  return `${kind === "edge" ? "" : "inside "}${place}: ${parts.join("; ")}`;
}

/** Of a share, whole per cents are enough. */
function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Side by side where two phases are compared; wide terminals have more columns. */
function edgeLines({ analysis, comparison }: TracesTold, width: number, colors: Colors): readonly string[] {
  const sides = comparison?.graphs ?? ([analysis.graph] as const);
  const last = sides.at(-1) ?? analysis.graph;
  const byEdge = sides.map(({ edges }) => new Map(edges.map((edge) => [edge.edge, edge])));
  const ranked = last.edges.toSorted(
    (a, b) => b.errors / b.calls - a.errors / a.calls || timeOf(b) - timeOf(a),
  );
  const isWide = width >= 130;
  const columns: readonly {
    readonly title: string;
    readonly width: number;
    readonly of: (edge: GraphEdge) => string;
  }[] = [
    { title: "calls/s", width: 15, of: ({ ratePerSecond }) => ratePerSecond.toFixed(1) },
    { title: "failed", width: 19, of: ({ errors, calls }) => formatRatio(errors / calls) },
    ...(isWide ? [{ title: "p50", width: 19, of: ({ p50Ms }: GraphEdge) => timeText(p50Ms) }] : []),
    { title: "p95", width: 19, of: ({ p95Ms }) => timeText(p95Ms) },
  ];
  const nameWidth = width - columns.reduce((sum, column) => sum + column.width, 0) - (isWide ? 33 : 0);
  const row = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd((index === 0 ? nameWidth : (columns[index - 1]?.width ?? 0)) - 1))
      .join(" ")
      .trimEnd();
  const lines = ranked.slice(0, most.edges).map((edge) => {
    const both = byEdge.map((edges) => edges.get(edge.edge));
    const cells = columns.map(({ of }) =>
      [...new Set(both.map((side) => (side === undefined ? "–" : of(side))))].join(" → "),
    );
    const line = row([fit(edge.edge, nameWidth - 1), ...cells, ...(isWide ? [edge.slowestTraceId] : [])]);
    return edge.errors > 0 ? colors.red(line) : line;
  });
  const rest = ranked.length - most.edges;
  return [
    colors.dim(row(["", ...columns.map(({ title }) => title), ...(isWide ? ["slowest trace"] : [])])),
    ...lines,
    ...(rest > 0 ? [colors.dim(`… and ${formatCount(rest)} more, in --json`)] : []),
  ];
}

function timeOf({ p95Ms, p50Ms, maxMs }: GraphEdge): number {
  return p95Ms ?? p50Ms ?? maxMs;
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? "too few" : formatDuration(ms);
}

const dealtWithWords: Readonly<Record<ResilienceSign, string>> = {
  fallback: "by a fallback",
  "failed-over": "by asking another",
  retried: "by a retry",
  hedged: "by a hedge",
};

/** What is wrong first, then what was coped with, then what could be better. */
function findingsOf(analysis: TraceAnalysis): readonly Statement[] {
  const { graph, retries, timeoutInversions, swallowedErrors, fallbacks, nPlusOne, sequentialCalls } =
    analysis;
  const silent = swallowedErrors.filter(({ dealtWith }) => dealtWith === "none");
  const dealtWith = swallowedErrors.filter((one) => one.dealtWith !== "none");
  const first = <T>(
    found: readonly T[],
    state: (one: T) => Omit<Statement, "tone">,
    tone: Statement["tone"],
  ) => {
    const left = found.length - most.findings;
    const more: Statement[] =
      left > 0 ? [{ text: `  … and ${formatCount(left)} more like it`, tone: "plain" }] : [];
    return [...found.slice(0, most.findings).map((one) => ({ ...state(one), tone })), ...more];
  };
  const neverSeen = graph.neverSeen.length === 0 ? [] : [graph.neverSeen.join(", ")];
  return [
    ...first(
      graph.undeclared,
      ({ edge, calls, slowestTraceId }) => ({
        text: `! not declared in the target: ${edge}, ${formatCounted(calls, "call")}`,
        traceId: slowestTraceId,
      }),
      "bad",
    ),
    ...first(
      silent,
      ({ operation, failed, traces, traceId }) => ({
        text: `! swallowed: ${failed} failed below a good ${operation}, and nothing says how it was dealt with (${formatCounted(traces, "trace")})`,
        traceId,
      }),
      "bad",
    ),
    ...first(
      timeoutInversions,
      ({ edge, calls, ofCalls, gaveUpAfterMs, wentOnMs, traceId }) => ({
        text: `! gave up first: ${edge}, ${formatCount(calls)} of ${formatCounted(ofCalls, "call")} after ${formatDuration(gaveUpAfterMs)}; the callee went on for ${formatDuration(wentOnMs)}`,
        traceId,
      }),
      "bad",
    ),
    ...first(
      retries.edges,
      ({ edge, amplification, retries: again, worst }) => ({
        text: `! retried: ${edge}, ${amplification.toFixed(2)} calls for each first one (${formatCounted(again, "retry", "retries")}), ${worst.amplification.toFixed(0)} at worst`,
        traceId: worst.traceId,
      }),
      "bad",
    ),
    ...first(
      nPlusOne,
      ({ operation, edge, shape, mostCalls, parents, traceId }) => ({
        text: `! asked again and again: ${operation} asks ${edge} up to ${mostCalls} times for "${shape.slice(0, 80)}" (${formatCounted(parents, "time")})`,
        traceId,
      }),
      "bad",
    ),
    ...first(
      fallbacks,
      ({ fallback, operation, traces, ofTraces, traceId }) => ({
        text: `- fallback ${fallback} served by ${operation} in ${formatCount(traces)} of ${formatCounted(ofTraces, "trace")}`,
        traceId,
      }),
      "plain",
    ),
    ...first(
      dealtWith,
      ({ operation, failed, dealtWith: sign, traces, traceId }) => ({
        text: `- ${failed} failed below a good ${operation}, dealt with ${sign === "none" ? "" : dealtWithWords[sign]} (${formatCounted(traces, "trace")})`,
        traceId,
      }),
      "plain",
    ),
    ...neverSeen.map((edges) => ({ text: `- declared, and never called: ${edges}`, tone: "plain" as const })),
    ...first(
      sequentialCalls,
      ({ operation, edges, sequentialMs, parallelMs, traces, traceId }) => ({
        text: `- one after the other: ${operation} calls ${edges.map(calleeOf).join(", ")} in ${formatDuration(sequentialMs)}; could be ${formatDuration(parallelMs)}, if independent (${formatCounted(traces, "trace")})`,
        traceId,
      }),
      "plain",
    ),
  ];
}

function calleeOf(edge: string): string {
  return edge.slice(edge.indexOf(" -> ") + 4);
}

function slowLines(
  { traceId, operation, durationMs, isComplete, path }: SlowTrace,
  width: number,
): readonly string[] {
  const named = path.slice(0, most.places).filter(({ ms }) => ms >= durationMs / 50);
  const restMs = durationMs - named.reduce((sum, { ms }) => sum + ms, 0);
  const parts = [
    ...named.map(({ place, ms }) => `${place} ${formatDuration(ms)}`),
    ...(restMs > durationMs / 100 ? [`the rest ${formatDuration(restMs)}`] : []),
  ];
  const what = `${printableLine(operation)}${isComplete ? "" : " (incomplete)"}`;
  return [
    ...withTrace([`${formatDuration(durationMs).padEnd(9)}${what}`], traceId, width),
    ...wrap(`${" ".repeat(9)}${printableLine(parts.join(" · "))}`, width, 9),
  ];
}

/** A text, and at its end the trace that shows it: on the same line where there is room. */
function statement(text: string, traceId: string | undefined, width: number): readonly string[] {
  const printable = text.startsWith("  ") ? `  ${printableLine(text)}` : printableLine(text);
  return withTrace(wrap(printable, width, 2), traceId, width);
}

function withTrace(lines: readonly string[], traceId: string | undefined, width: number): readonly string[] {
  if (traceId === undefined) return lines;
  const last = lines.at(-1) ?? "";
  const room = width - traceId.length;
  return last.length < room
    ? [...lines.slice(0, -1), last.padEnd(room) + traceId]
    : [...lines, " ".repeat(room) + traceId];
}

/** Breaks at spaces, but not within an edge or between a figure and its unit; lines after the first are indented. */
function wrap(text: string, columns: number, indent: number): readonly string[] {
  const start = /^ */.exec(text)?.[0] ?? "";
  const joined = text
    .trimStart()
    .replace(/(\d) (?=(?:%|µs|ms|s|min)(?!\w))/g, "$1\u00a0")
    .replaceAll(" -> ", "\u00a0->\u00a0");
  const lines: string[] = [];
  let line = start;
  for (const one of joined.split(" ")) {
    const isEmpty = line.trim() === "";
    if (!isEmpty && line.length + 1 + one.length > columns) {
      lines.push(line);
      line = " ".repeat(indent) + one;
    } else line = isEmpty ? line + one : `${line} ${one}`;
  }
  return [...lines, line].map((each) => each.replaceAll("\u00a0", " "));
}

function fit(text: string, columns: number): string {
  const printable = printableLine(text);
  return printable.length <= columns ? printable : `${printable.slice(0, columns - 1)}…`;
}
