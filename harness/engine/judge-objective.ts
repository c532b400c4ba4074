import { formatDuration, formatRatio } from "../base/units.ts";
import { describeObjective, type ObjectiveSpec } from "../experiment/objective.ts";
import type { InvariantSummary, Objective } from "../record/summary.ts";
import { judgeQuantile, judgeSuccess } from "../stats/judgement.ts";
import { quantile } from "../stats/quantile.ts";
import { recoveryTime } from "../stats/steady-state.ts";
import { inPhase, latenciesOf, type JourneySample } from "./figures.ts";
import type { Timeline } from "./timeline.ts";

/** What objectives are judged on. */
export interface JudgedFacts {
  readonly samples: readonly JourneySample[];
  readonly timeline: Timeline;
  readonly invariants: readonly InvariantSummary[];
  /** When the last fault was undone, from the run's zero; absent when none was. */
  readonly undoneMs: number | undefined;
  /** End of the load, from the run's zero. */
  readonly endMs: number;
  /** The journeys that a name in the experiment stands for. */
  readonly journeysOf: (name: string) => ReadonlySet<string>;
}

const tracesShown = 5;

/** Judges one objective: held, deviated, or not to be said on these data. Alerts are judged by `judgeAlert`. */
export function judgeObjective(
  id: string,
  spec: Exclude<ObjectiveSpec, { kind: "alerts" }>,
  facts: JudgedFacts,
): Objective {
  switch (spec.kind) {
    case "success":
      return judgeSuccessOf(id, spec, facts);
    case "latency":
      return judgeLatency(id, spec, facts);
    case "recovers":
      return judgeRecovery(id, spec, facts);
    case "consistent":
      return judgeConsistency(id, spec, facts);
  }
}

function samplesOf(
  journey: string,
  during: "baseline" | "fault" | "recovery",
  facts: JudgedFacts,
): JourneySample[] {
  const journeys = facts.journeysOf(journey);
  return inPhase(facts.samples, facts.timeline, during).filter((sample) => journeys.has(sample.journey));
}

function judgeSuccessOf(
  id: string,
  spec: Extract<ObjectiveSpec, { kind: "success" }>,
  facts: JudgedFacts,
): Objective {
  const samples = samplesOf(spec.journey, spec.during, facts);
  const failed = samples.filter(({ completion }) => completion !== "ok");
  const judgement = judgeSuccess({
    ok: samples.length - failed.length,
    total: samples.length,
    atLeastRatio: spec.atLeastRatio,
  });
  const limit = formatRatio(spec.atLeastRatio);
  const bounds = `95 % bounds ${formatRatio(judgement.lower)} to ${formatRatio(judgement.upper)}`;
  return {
    id,
    kind: "success",
    title: describeObjective(spec),
    outcome: judgement.outcome,
    measured:
      judgement.ratio === undefined
        ? "no journey"
        : `${formatRatio(judgement.ratio)}, ${failed.length} of ${samples.length} failed (${bounds})`,
    why: {
      held: `even the lower bound is at least ${limit}`,
      deviated: `even the upper bound is under ${limit}`,
      inconclusive:
        judgement.neededTotal === undefined
          ? `${limit} lies within the bounds`
          : `${limit} lies within the bounds; about ${judgement.neededTotal} journeys would settle it`,
    }[judgement.outcome],
    traceIds: traceIdsOf(failed),
  };
}

function judgeLatency(
  id: string,
  spec: Extract<ObjectiveSpec, { kind: "latency" }>,
  facts: JudgedFacts,
): Objective {
  const sent = samplesOf(spec.journey, spec.during, facts).filter(({ wasSent }) => wasSent);
  const judgement = judgeQuantile(latenciesOf(sent), spec.percentile / 100, spec.atMostMs);
  const limit = formatDuration(spec.atMostMs);
  const bounds = `95 % bounds ${formatBound(judgement.lowerMs)} to ${formatBound(judgement.upperMs)}`;
  const slowest = sent
    .filter(({ latencyMs }) => latencyMs > spec.atMostMs)
    .sort((a, b) => b.latencyMs - a.latencyMs);
  return {
    id,
    kind: "latency",
    title: describeObjective(spec),
    outcome: judgement.outcome,
    measured:
      judgement.valueMs === undefined
        ? "no journey"
        : `${formatDuration(judgement.valueMs)} over ${judgement.count} journeys (${bounds})`,
    why: {
      held: `even the upper bound is at most ${limit}`,
      deviated: `even the lower bound is over ${limit}`,
      inconclusive: judgement.hasEnough
        ? `${limit} lies within the bounds; more journeys would settle it`
        : `not enough data: p${spec.percentile} needs ${judgement.neededCount} journeys, there were ${judgement.count}`,
    }[judgement.outcome],
    traceIds: traceIdsOf(slowest),
  };
}

function judgeRecovery(
  id: string,
  spec: Extract<ObjectiveSpec, { kind: "recovers" }>,
  facts: JudgedFacts,
): Objective {
  const title = describeObjective(spec);
  const said = (outcome: Objective["outcome"], measured: string, why: string): Objective => ({
    id,
    kind: "recovers",
    title,
    outcome,
    measured,
    why,
    traceIds: [],
  });
  const baseline = inPhase(facts.samples, facts.timeline, "baseline");
  const { undoneMs, endMs } = facts;
  if (undoneMs === undefined) return said("inconclusive", "not measured", "no fault was undone under load");
  if (latenciesOf(baseline).length === 0)
    return said("inconclusive", "not measured", "there was no baseline");
  const observedMs = endMs - undoneMs;
  if (observedMs < spec.withinMs)
    return said(
      "inconclusive",
      `watched for ${formatDuration(Math.max(0, observedMs))}`,
      `the load ended before ${formatDuration(spec.withinMs)} had passed; a longer recovery phase would tell`,
    );
  const recoveredMs = recoveryTime({
    operations: facts.samples.map(({ startMs, completion, latencyMs }) => ({
      startMs,
      latencyMs,
      succeeded: completion === "ok",
    })),
    undoneAtMs: undoneMs,
    endMs,
    baseline: {
      total: baseline.length,
      failed: baseline.filter(({ completion }) => completion !== "ok").length,
      p50Ms: quantile(latenciesOf(baseline), 0.5),
      p95Ms: quantile(latenciesOf(baseline), 0.95),
    },
  });
  if (recoveredMs === undefined)
    return {
      ...said(
        "deviated",
        `not within ${formatDuration(observedMs)}`,
        "success and median latency were not back to the baseline when the load ended",
      ),
      neverRecovered: true,
    };
  return said(
    recoveredMs <= spec.withinMs ? "held" : "deviated",
    recoveredMs === 0 ? "at once" : `after ${formatDuration(recoveredMs)}`,
    "from then on every second was as good as the baseline",
  );
}

function judgeConsistency(
  id: string,
  spec: Extract<ObjectiveSpec, { kind: "consistent" }>,
  facts: JudgedFacts,
): Objective {
  const named = spec.invariants;
  const invariants = facts.invariants.filter((invariant) => named === "all" || named.includes(invariant.id));
  const violated = invariants.filter(({ outcome }) => outcome === "violated");
  const unknown = invariants.filter(({ outcome }) => outcome === "unknown");
  const checkedNothing = invariants.every(({ checked }) => checked === 0);
  const outcome =
    violated.length > 0 ? "deviated" : unknown.length > 0 || checkedNothing ? "inconclusive" : "held";
  return {
    id,
    kind: "consistent",
    title: describeObjective(spec),
    outcome,
    measured: `${invariants.length - violated.length - unknown.length} of ${invariants.length} held`,
    why: {
      deviated: `violated: ${violated.map(({ title }) => title).join("; ")}`,
      inconclusive: checkedNothing
        ? "no row was there to check"
        : `not known: ${unknown.map(({ title, why }) => `${title} (${why})`).join("; ")}`,
      held: "what clients were told and what the stores hold agree",
    }[outcome],
    traceIds: violated
      .flatMap(({ anomalies }) => anomalies.flatMap(({ traceId }) => traceId ?? []))
      .slice(0, tracesShown),
  };
}

function traceIdsOf(samples: readonly JourneySample[]): string[] {
  return samples.flatMap(({ traceId }) => traceId ?? []).slice(0, tracesShown);
}

function formatBound(valueMs: number): string {
  return Number.isFinite(valueMs) ? formatDuration(valueMs) : "unbounded";
}
