import { formatDuration, formatRatio } from "../base/units.ts";
import type { ExposedJourneys } from "../engine/exposed-journeys.ts";
import type { BlastRadius } from "../experiment/blast-radius.ts";
import { clientShareText, edgeShareText } from "../report/radius-story.ts";
import type { Limits } from "../target/limits.ts";

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
    `traffic   ${edgeShareText(radius)}; of what clients ask, ${clientShareText(radius)}`,
    ...(exposed === undefined ? [] : [`          ${exposedText(exposed)}`]),
    `limits    ${limitsText(limits)}`,
  ];
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
