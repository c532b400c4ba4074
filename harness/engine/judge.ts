import { exitCodes, type ExitCode } from "../base/errors.ts";
import { formatDuration, formatRatio } from "../base/units.ts";
import { driverProblem } from "../load/self-check.ts";
import type { UnbiddenEnd } from "./unbidden-ends.ts";
import type { FaultSummary, Objective, Summary, VerdictOutcome } from "../record/summary.ts";

/** All that a verdict rests on. */
export interface Findings {
  readonly objectives: readonly Objective[];
  readonly faults: readonly FaultSummary[];
  readonly load: Summary["load"];
  readonly telemetry: Summary["telemetry"];
  /** Operations of the baseline, against which untraced ones are counted. */
  readonly baselineOperations: number;
  /** Processes that ended without a fault of the run having meant it. */
  readonly ends: readonly UnbiddenEnd[];
  /** Why the run ended before its time, if it did. */
  readonly endedEarly:
    { readonly by: "guard" | "interrupt" | "lease" | "crash"; readonly detail: string } | undefined;
}

const exitCodeOf: Readonly<Record<VerdictOutcome, ExitCode>> = {
  held: exitCodes.held,
  deviated: exitCodes.deviated,
  inconclusive: exitCodes.inconclusive,
  aborted: exitCodes.aborted,
  "not-recovered": exitCodes.notRecovered,
};

/** Beyond these the machine or the tools, not the system, decided what was measured. */
const limits = {
  notSentRatio: 0.01,
  untracedRatio: 0.02,
  /**
   * Of traces that did not meet a service as it was killed. Runs in which nothing is lost have none at all: services flush
   * twice a second and the collection waits for silence. As many as may be without a trace.
   */
  incompleteTraceRatio: 0.02,
} as const;

/**
 * The verdict, worst first: a system or a fault that did not come back, an abort, evidence that cannot carry a verdict,
 * a deviation, an objective that could not be decided, and only then held.
 */
export function judge(findings: Findings): Summary["verdict"] {
  const { objectives, endedEarly } = findings;
  const notRecovered = [
    ...findings.faults.flatMap(({ title, undoError }) =>
      undoError === undefined ? [] : [`not undone: ${title} (${undoError})`],
    ),
    ...objectives.filter(({ neverRecovered }) => neverRecovered === true).map(reasonOf),
  ];
  const deviated = objectives.filter(({ outcome }) => outcome === "deviated").map(reasonOf);
  const undecided = objectives.filter(({ outcome }) => outcome === "inconclusive").map(reasonOf);
  const weak = weaknessesOfEvidence(findings);

  if (notRecovered.length > 0)
    return verdict("not-recovered", "The system did not come back after the fault.", [
      ...notRecovered,
      ...deviated,
    ]);
  switch (endedEarly?.by) {
    case "guard":
      return verdict("aborted", "A guard stopped the run; the fault was undone.", [
        endedEarly.detail,
        ...deviated,
      ]);
    case "interrupt":
      return {
        ...verdict("aborted", "The run was interrupted; the fault was undone.", [
          endedEarly.detail,
          ...deviated,
        ]),
        exitCode: exitCodes.interrupted,
      };
    case "lease":
      return verdict(
        "inconclusive",
        "The run lost its lease; what it broke was taken back before its time.",
        [endedEarly.detail, ...deviated],
      );
    case "crash":
      return verdict("inconclusive", "The run ended without finishing; what it left is shown.", [
        endedEarly.detail,
        ...deviated,
      ]);
    case undefined:
  }
  const caveats = [...k6Limits(findings.load), ...findings.ends]
    .filter(({ isWeak }) => !isWeak)
    .map(({ text }) => text);
  if (weak.length > 0)
    return verdict("inconclusive", "The evidence cannot carry a verdict.", [
      ...weak,
      ...deviated,
      ...undecided,
      ...caveats,
    ]);
  if (deviated.length > 0)
    return verdict("deviated", "A weakness was found: the hypothesis did not hold.", [
      ...deviated,
      ...caveats,
      ...undecided,
    ]);
  if (undecided.length > 0)
    return verdict("inconclusive", "Too little was measured to decide.", [...caveats, ...undecided]);
  return verdict("held", "The system kept its promises under the fault.", [
    ...caveats,
    ...objectives.map(reasonOf),
  ]);
}

function verdict(outcome: VerdictOutcome, headline: string, reasons: readonly string[]): Summary["verdict"] {
  return { outcome, exitCode: exitCodeOf[outcome], headline, reasons: [...new Set(reasons)] };
}

function reasonOf({ title, measured, why }: Objective): string {
  return `${title}: ${measured}; ${why}`;
}

function weaknessesOfEvidence({ faults, load, telemetry, baselineOperations, ends }: Findings): string[] {
  const reasons = faults.filter(({ bit }) => !bit).map(untouchedText);
  for (const { title, undoneBy } of faults)
    if (undoneBy === "lease")
      reasons.push(`the fault ended before its time, its lease was not renewed: ${title}`);
  if (faults.some(({ injectedMs }) => injectedMs === undefined)) reasons.push("not every fault was injected");
  reasons.push(...[...ends, ...k6Limits(load)].filter(({ isWeak }) => isWeak).map(({ text }) => text));
  const notSent = load.intended - load.sent - (load.k6?.dropped ?? 0);
  if (load.sent === 0) reasons.push("no load arrived");
  else if (notSent > load.intended * limits.notSentRatio)
    reasons.push(
      `${notSent} of ${load.intended} journeys were never sent: the load driver was the bottleneck (bound ${formatRatio(limits.notSentRatio)})`,
    );
  const driver = driverProblem(load);
  if (driver !== undefined) reasons.push(driver);
  if (telemetry.untracedOperations > baselineOperations * limits.untracedRatio)
    reasons.push(
      `${telemetry.untracedOperations} of ${baselineOperations} operations of the baseline left no trace: spans were lost`,
    );
  const tooIncomplete = incompleteProblem(telemetry);
  if (tooIncomplete !== undefined) reasons.push(tooIncomplete);
  return reasons;
}

/** Spans that a killed service took with it are the fault's doing, and say nothing against the record of the others. */
function incompleteProblem({
  traces,
  incompleteTraces,
  excusedTraces,
  lacks,
}: Findings["telemetry"]): string | undefined {
  const torn = incompleteTraces - excusedTraces;
  const of = traces - excusedTraces;
  if (torn <= of * limits.incompleteTraceRatio) return undefined;
  const what = lacks.filter((one) => one.what !== "killed").map((one) => `${one.what} ${one.traces}`);
  return (
    `${torn} of ${of} traces are incomplete (${what.join(", ")}), ${formatRatio(limits.incompleteTraceRatio)} may be: ` +
    "spans were lost, and what they would have told is not in the evidence; a run with less load, or with fewer traces sampled, would settle it"
  );
}

/** What k6 could not measure: said in any case, and beyond what a verdict can bear it is weak evidence. */
function k6Limits({ k6, intended }: Findings["load"]): { readonly text: string; readonly isWeak: boolean }[] {
  if (k6 === undefined) return [];
  const { dropped, unattributedErrors, endedEarlyMs } = k6;
  const bearable = intended * limits.notSentRatio;
  const found: { readonly text: string; readonly isWeak: boolean }[] = [];
  if (dropped > 0)
    found.push({
      text: `k6 dropped ${dropped} of ${intended} iterations, its virtual users were all busy: what those would have met is not in these figures`,
      isWeak: dropped > bearable,
    });
  if (unattributedErrors > 0)
    found.push({
      text: `k6 caught ${unattributedErrors} exceptions of the script and does not say in which iterations: those may count as succeeded`,
      isWeak: unattributedErrors > bearable,
    });
  if (endedEarlyMs > 0)
    found.push({
      text: `k6 ended ${formatDuration(endedEarlyMs)} before the run did: its script has to last DURATION`,
      isWeak: true,
    });
  return found;
}

/** What tells whoever wrote the experiment where the calls stayed: at the match, at the counts and the draw, or unread. */
function untouchedText({
  title,
  actsOn,
  matched,
  drawn,
  unreadableConnections = 0,
  shownBy,
}: FaultSummary): string {
  if (shownBy !== undefined) return `nothing shows that the fault was felt: ${title} (${shownBy})`;
  const text = `the fault touched nothing: ${title}`;
  if (actsOn !== "calls" || matched === undefined || drawn === undefined) return text;
  const unread =
    unreadableConnections === 1
      ? "1 connection could not be read"
      : `${unreadableConnections} connections could not be read`;
  const calls = matched.requests === 1 ? "1 call" : `${matched.requests} calls`;
  return `${text} (${calls} matched, ${drawn.requests} drawn, none affected; ${unread})`;
}
