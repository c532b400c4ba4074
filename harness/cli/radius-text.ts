import { formatDuration, formatRatio } from "../base/units.ts";
import type { BlastRadius } from "../experiment/blast-radius.ts";
import { durationMsOf, type Experiment } from "../experiment/experiment.ts";
import { endMsOf } from "../experiment/fault-time.ts";
import { ratePerSecondAt } from "../load/arrivals/arrival-plan.ts";
import type { Limits } from "../target/limits.ts";
import { mixOf, type Target } from "../target/target.ts";

/** How many journeys begin while something is broken, by the load's plan; nothing where it is a recording. */
export interface ExposedJourneys {
  readonly count: number;
  /** By journey, after the mix; empty where a script decides. */
  readonly byJourney: Readonly<Record<string, number>>;
}

const stepMs = 100;

export function exposedJourneys(
  { load, phases, faults }: Pick<Experiment, "load" | "phases" | "faults">,
  target: Target,
): ExposedJourneys | undefined {
  const plan = { ...load.arrivals, durationMs: durationMsOf(phases) };
  const beganMs = phases.warmupMs + phases.baselineMs;
  let count = 0;
  for (let atMs = 0; atMs < phases.faultMs; atMs += stepMs) {
    const ratePerSecond = ratePerSecondAt(plan, beganMs + atMs);
    if (ratePerSecond === undefined) return undefined;
    if (faults.some((fault) => (fault.atMs ?? 0) <= atMs && atMs < endMsOf(fault)))
      count += (ratePerSecond * stepMs) / 1_000;
  }
  const mix = load.engine === "k6" ? {} : (mixOf(target, load.journey) ?? {});
  const weights = Object.values(mix).reduce((sum, weight) => sum + weight, 0);
  return {
    count: Math.round(count),
    byJourney: Object.fromEntries(
      Object.entries(mix).map(([journey, weight]) => [journey, Math.round((count * weight) / weights)]),
    ),
  };
}

/** How far an experiment reaches at worst, in lines that a person reads before running it. */
export function radiusText(
  radius: BlastRadius,
  exposed: ExposedJourneys | undefined,
  limits: Limits,
): readonly string[] {
  const { edges, processes, services, stores, outside, reached, untouched, mostCalls } = radius;
  const calls =
    mostCalls === undefined ? "" : `, ${mostCalls === 1 ? "one call" : `${mostCalls} calls`} at most`;
  const broken = [
    ...(edges.length === 0 ? [] : [`breaks ${edges.join(", ")}`]),
    ...processes.map(({ process, kinds }) => `${kinds.join(" and ")} of ${process}`),
  ];
  const hit = [...services, ...stores, ...outside];
  return [
    `radius    ${broken.join("; ")} for ${formatDuration(radius.longestFaultMs)}${calls}`,
    `          hits ${list(hit)}; may be felt by ${list(reached)}; out of reach: ${list(untouched)}`,
    `traffic   ${trafficText(radius)}`,
    ...(exposed === undefined ? [] : [`          ${exposedText(exposed)}`]),
    `limits    ${limitsText(limits)}`,
  ];
}

function trafficText({ largestShareRatio, traffic, processes, edges }: BlastRadius): string {
  const share = largestShareRatio === 1 ? "all" : `at most ${formatRatio(largestShareRatio)}`;
  const where =
    processes.length > 0
      ? "what is called there"
      : `what ${edges.length > 1 ? "each edge" : "the edge"} carries`;
  const asked =
    traffic.kind === "known" ? `${formatRatio(traffic.ratio)} of ${traffic.of}` : `unknown: ${traffic.why}`;
  return `${share} of ${where}; of what clients ask, ${asked}`;
}

function exposedText({ count, byJourney }: ExposedJourneys): string {
  const each = Object.entries(byJourney).map(([journey, number]) => `${number} ${journey}`);
  return `about ${count} journeys begin meanwhile${each.length > 1 ? `: ${each.join(", ")}` : ""}`;
}

function limitsText({ never, maxServices, maxShareRatio, maxDurationMs, hours }: Limits): string {
  const set = [
    ...(never.length === 0 ? [] : [`never ${never.join(", ")}`]),
    ...(maxServices === undefined ? [] : [`max-services ${maxServices}`]),
    ...(maxShareRatio === undefined ? [] : [`max-share ${formatRatio(maxShareRatio)}`]),
    ...(maxDurationMs === undefined ? [] : [`max-duration ${formatDuration(maxDurationMs)}`]),
    ...(hours.length === 0 ? [] : [`hours ${hours.map(({ text }) => text).join(" or ")}`]),
  ];
  return set.length === 0 ? "the target sets none" : set.join("; ");
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
