import { createColors } from "picocolors";
import type { FaultSummary, PhaseFigures, Summary } from "../record/summary.ts";
import { formatCount, formatCounted, formatLatency, formatSuccess } from "./figures.ts";
import { isTrouble } from "./log-story.ts";
import { printableLine } from "./printable.ts";
import {
  affectedCallText,
  faultEvidence,
  faultWindowText,
  incompleteText,
  loadText,
  loadTitle,
  tally,
  targetText,
  telemetryText,
} from "./story.ts";
import { blameTexts, findingGroups } from "./trace-story.ts";
import { wrap } from "./wrap.ts";
import { outcomeWords, phaseWords, verdictWords, type OutcomeWord, type Tone } from "./words.ts";

export interface TextOptions {
  /** Whether to colour by ANSI sequences; the words say the same without. */
  readonly color: boolean;
  /** Columns of the terminal. */
  readonly width: number;
}

type Paint = (text: string) => string;

/** The most of each list: the terminal has a page, the rest is in report.html. */
const most = {
  reasons: 5,
  objectives: 8,
  journeys: 8,
  violations: 3,
  errors: 3,
  calls: 3,
  blamed: 2,
} as const;

/** The run's story for a terminal, in about 45 lines at most, ending with a line feed. */
export function renderText(summary: Summary, { color, width }: TextOptions): string {
  const colors = createColors(color);
  const paint: Readonly<Record<Tone, Paint>> = {
    good: colors.green,
    bad: colors.red,
    warn: colors.yellow,
    stop: colors.magenta,
  };
  const columns = Math.max(40, Math.min(120, Math.floor(width)));
  const { verdict, run } = summary;
  const word = verdictWords[verdict.outcome];

  const fact = (name: string, text: string): string[] =>
    wrap(`${name.padEnd(8)}${printableLine(text)}`, columns, 8);
  const outcome = ({ sign, word, tone }: OutcomeWord, text: string): string[] => {
    const [first = "", ...rest] = wrap(`${sign} ${word.padEnd(12)} ${printableLine(text)}`, columns, 15);
    const head = `${sign} ${word}`;
    return [paint[tone](head) + first.slice(head.length), ...rest];
  };
  const evidence = (fault: FaultSummary): string[] => {
    const { kind, tone, text } = faultEvidence(fault);
    return fact("", `${kind === "felt" ? "✓" : "!"} ${text}`).map(paint[tone]);
  };
  const affectedCalls = ({ affected, affectedCalls }: FaultSummary): string[] => [
    ...affectedCalls
      .slice(0, most.calls)
      .flatMap((call) =>
        fact("", `- ${affectedCallText(call)}${call.traceId === undefined ? "" : `, trace ${call.traceId}`}`),
      ),
    ...(affectedCalls.length === 0
      ? []
      : andMore(
          (affected?.requests ?? affectedCalls.length) - Math.min(most.calls, affectedCalls.length),
          8,
        )),
  ];
  const heading = (text: string): string[] => ["", colors.bold(text)];

  const incomplete = incompleteText(summary);
  const lines = [
    ...wrap(printableLine(summary.title), columns, 0).map(colors.bold),
    ...summary.faults.flatMap((fault) => [
      ...fact("fault", fault.title),
      ...fact("", faultWindowText(fault)),
      ...evidence(fault),
      ...affectedCalls(fault),
    ]),
    ...fact("load", `${loadTitle(summary)}: ${loadText(summary)}`),
    ...fact("target", targetText(summary)),
    "",
    colors.bold(paint[word.tone](`${word.sign} ${word.word.toUpperCase()}`)) +
      colors.dim(`  exit code ${verdict.exitCode}`),
    ...wrap(printableLine(verdict.headline), columns, 0),
    ...verdict.reasons
      .slice(0, most.reasons)
      .flatMap((reason) => wrap(`- ${printableLine(reason)}`, columns, 2)),
    ...andMore(verdict.reasons.length - most.reasons),
    ...(incomplete === undefined ? [] : wrap(`! ${incomplete}`, columns, 2).map(paint.bad)),
    ...(summary.objectives.length === 0 ? [] : heading("Objectives")),
    ...summary.objectives
      .slice(0, most.objectives)
      .flatMap((each) => outcome(outcomeWords[each.outcome], `${each.title}: ${each.measured}`)),
    ...andMore(summary.objectives.length - most.objectives),
    ...(summary.blame === undefined ? [] : heading("What explains the change")),
    ...(summary.blame === undefined ? [] : blameTexts(summary.blame))
      .slice(0, most.blamed)
      .flatMap((text) => wrap(printableLine(text), columns, 2)),
    ...findingLines(summary, columns),
    ...logLines(summary, columns),
    ...(summary.journeys.length === 0 ? [] : heading("Journeys, baseline to fault")),
    ...journeyLines(summary, columns, paint.bad),
    ...(summary.invariants.length === 0 ? [] : heading("Consistency")),
    ...invariantLines(summary, outcome, (text) =>
      wrap(`${" ".repeat(15)}- ${printableLine(text)}`, columns, 17),
    ),
    "",
    ...fact("traces", telemetryText(summary)),
    ...fact("repeat", run.command),
  ];
  return `${lines.join("\n")}\n`;
}

/** What is wrong by the traces, by kind; the report has each, with a trace that shows it. */
function findingLines({ findings }: Summary, columns: number): string[] {
  const problems = findingGroups(findings).filter(({ isProblem }) => isProblem);
  if (problems.length === 0) return [];
  const kinds = problems.map(({ title, findings: found }) => `${title.toLowerCase()} (${found.length})`);
  return wrap(`! also in the traces: ${kinds.join(", ")}`, columns, 2);
}

/** What services themselves began to say is wrong: the first of it, on one line; the report has all. */
function logLines({ logs }: Summary, columns: number): string[] {
  const [first] = (logs?.newPatterns ?? []).filter(isTrouble);
  if (first === undefined) return [];
  const said = printableLine(
    `! new in the logs, ${formatCounted(first.count, "time")}: ${first.first.service}: ${first.pattern}`,
  );
  return [said.length > columns ? `${said.slice(0, columns - 1)}…` : said];
}

/** One line a journey: what happened to its success and its p95. */
function journeyLines({ journeys }: Summary, columns: number, bad: Paint): string[] {
  const nameWidth = Math.min(24, Math.max(0, ...journeys.map(({ journey }) => journey.length)));
  const shown = journeys.slice(0, most.journeys).flatMap(({ journey, phases, errors }) => {
    const figures = (["baseline", "fault"] as const).flatMap(
      (name) => phases.find(({ phase }) => phase === name) ?? [],
    );
    const over = (format: (phase: PhaseFigures) => string): string =>
      figures.length === 0 ? "no data" : [...new Set(figures.map(format))].join(" → ");
    const isHurt = figures.some(({ fail, unknown }) => fail + unknown > 0);
    const line = [
      `${isHurt ? "✗" : " "} ${printableLine(journey).padEnd(nameWidth)}`,
      `success ${over(formatSuccess)}`.padEnd(26),
      `p95 ${over((phase) => formatLatency(phase, "p95Ms"))}`,
    ].join("  ");
    const worst = errors
      .filter(({ phase }) => phase !== "warmup")
      .toSorted((a, b) => b.count - a.count)
      .slice(0, journeys.length > 1 && journey === journeys[0]?.journey ? 0 : most.errors)
      .map(
        ({ kind, phase, count }) => `${formatCount(count)} ${printableLine(kind)} in ${phaseWords[phase]}`,
      );
    const lines = [
      ...wrap(line, columns, nameWidth + 4),
      ...(worst.length === 0
        ? []
        : wrap(`${" ".repeat(nameWidth + 4)}${worst.join(", ")}`, columns, nameWidth + 4)),
    ];
    return isHurt ? lines.map(bad) : lines;
  });
  return [...shown, ...andMore(journeys.length - most.journeys)];
}

function invariantLines(
  { invariants }: Summary,
  outcome: (word: OutcomeWord, text: string) => string[],
  detail: (text: string) => string[],
): string[] {
  const held = invariants.filter((each) => each.outcome === "held");
  return [
    ...invariants
      .filter((each) => each.outcome !== "held")
      .flatMap(({ outcome: name, title, violations, checked, anomalies, why }) => [
        ...outcome(
          outcomeWords[name],
          `${title}: ${why ?? `${formatCounted(violations, "violation")} in ${formatCounted(checked, "row")}`}`,
        ),
        ...anomalies.slice(0, most.violations).flatMap(({ message }) => detail(message)),
        ...andMore(violations - most.violations, 15),
      ]),
    ...(held.length === 0
      ? []
      : outcome(
          outcomeWords.held,
          `${tally(held.map(() => `of ${invariants.length} invariants`))}, ${formatCount(held.reduce((sum, { checked }) => sum + checked, 0))} rows checked`,
        )),
  ];
}

function andMore(count: number, indent = 0): string[] {
  return count > 0 ? [`${" ".repeat(indent)}… and ${formatCount(count)} more`] : [];
}
