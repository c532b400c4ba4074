import type { OperationLine } from "../record/history.ts";
import type { PhaseName } from "../record/journal.ts";
import type { TraceComparison } from "../record/trace-findings.ts";
import { quantile } from "../stats/quantile.ts";
import { operationsIn, type Evidence } from "./evidence.ts";

/** Steps that are compared: a report is to be read. */
const mostCompared = 3;
/** What a step's median has to grow by, where no more of it failed: less is the machine's doing. */
const leastGrowth = { byFactor: 1.5, byMs: 5 } as const;
/** Fewer in the baseline have no usual. */
const leastOperations = 5;

/**
 * Of each step of a journey, what it usually was (the operation of the baseline whose duration is the median) and its worst
 * in the fault (one that failed before one that did not, then the slowest). Those steps first of which the most failed
 * that had not, then those whose median grew most; a step that was hardly worse in the fault is left out.
 */
export function traceComparisons(
  evidence: Pick<Evidence, "operations" | "traces" | "timeline" | "zeroMs">,
): TraceComparison[] {
  const { traces } = evidence;
  const inPhase = (phase: PhaseName): ReadonlyMap<string, readonly OperationLine[]> =>
    Map.groupBy(
      operationsIn(evidence, phase).filter(({ sentMs }) => sentMs !== undefined),
      ({ journey, step }) => `${journey}\n${step}`,
    );
  const isTraced = ({ traceId }: OperationLine): boolean => traceId !== undefined && traces.has(traceId);
  const baseline = inPhase("baseline");
  return [...inPhase("fault")]
    .flatMap(([key, during]) => {
      const before = baseline.get(key) ?? [];
      const usual = medianOf(before.filter(({ completion }) => completion === "ok").filter(isTraced));
      const worst = worstOf(during.filter(isTraced));
      if (before.length < leastOperations || usual?.traceId === undefined || worst?.traceId === undefined)
        return [];
      const addedFailures = failureRatio(during) - failureRatio(before);
      const medianMs = { before: medianDurationMs(before), during: medianDurationMs(during) };
      const hasGrown =
        medianMs.during > leastGrowth.byFactor * medianMs.before &&
        medianMs.during - medianMs.before > leastGrowth.byMs;
      const isWorse = perCent(addedFailures) > 0 || hasGrown;
      if (!isWorse) return [];
      const { journey, step } = usual;
      const comparison: TraceComparison = {
        journey,
        step,
        before: {
          phase: "baseline",
          traceId: usual.traceId,
          operations: before.length,
          failed: failuresOf(before),
          medianMs: medianMs.before,
        },
        during: {
          phase: "fault",
          traceId: worst.traceId,
          operations: during.length,
          failed: failuresOf(during),
          medianMs: medianMs.during,
        },
      };
      return [{ comparison, addedFailures, addedMs: medianMs.during - medianMs.before }];
    })
    .sort((a, b) => perCent(b.addedFailures) - perCent(a.addedFailures) || b.addedMs - a.addedMs)
    .slice(0, mostCompared)
    .map(({ comparison }) => comparison);
}

function medianOf(lines: readonly OperationLine[]): OperationLine | undefined {
  return lines.toSorted((a, b) => tookMs(a) - tookMs(b))[Math.floor((lines.length - 1) / 2)];
}

function worstOf(lines: readonly OperationLine[]): OperationLine | undefined {
  return lines.toSorted(
    (a, b) => Number(b.completion !== "ok") - Number(a.completion !== "ok") || tookMs(b) - tookMs(a),
  )[0];
}

function medianDurationMs(lines: readonly OperationLine[]): number {
  return quantile(lines.map(tookMs), 0.5);
}

function failureRatio(lines: readonly OperationLine[]): number {
  return failuresOf(lines) / lines.length;
}

function failuresOf(lines: readonly OperationLine[]): number {
  return lines.filter(({ completion }) => completion !== "ok").length;
}

/** Whole ones: less is chance. */
function perCent(ratio: number): number {
  return Math.round(ratio * 100);
}

function tookMs({ intendedMs, endedMs }: OperationLine): number {
  return endedMs - intendedMs;
}
