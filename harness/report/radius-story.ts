import { formatDuration, formatRatio } from "../base/units.ts";
import type { PlannedRadius, RadiusSummary } from "../record/radius-summary.ts";
import type { Summary } from "../record/summary.ts";
import { formatCount, formatCounted } from "./figures.ts";
import { countsText } from "./story.ts";

/** One thing that was planned, in words, beside what came of it. */
export interface RadiusRow {
  readonly what: string;
  readonly planned: string;
  readonly touched: string;
  /** It went further than the plan said that it could. */
  readonly isBeyond: boolean;
}

/** The planned blast radius beside what was touched; empty where no fault was planned. */
export function radiusRows({ radius, faults }: Pick<Summary, "radius" | "faults">): readonly RadiusRow[] {
  if (radius === undefined) return [];
  const { planned, touched } = radius;
  const { far, near } = failingByPlan(radius);
  const row = (what: string, plannedText: string, touchedText: string, isBeyond = false): RadiusRow => ({
    what,
    planned: plannedText,
    touched: touchedText,
    isBeyond,
  });
  return [
    row("Broken", brokenText(planned), list([...touched.edges, ...touched.processes])),
    row("Hit at first hand", hitText(planned), hitText(touched)),
    row("May feel it", list(planned.reached), failingText(near)),
    row("Out of reach", list(planned.untouched), failingText(far), far.length > 0),
    row("Share of what crosses there", atMostText(planned), list(faults.map(countsText))),
    row("Share of what clients ask", clientShareText(planned), requestsText(radius)),
    row(
      "Journeys begun meanwhile",
      planned.journeys === undefined ? "not known before" : `about ${formatCount(planned.journeys)}`,
      formatCount(touched.journeys),
    ),
    row(
      "Longest fault",
      formatDuration(planned.longestFaultMs),
      touched.longestFaultMs === undefined
        ? "none was injected"
        : formatDuration(Math.round(touched.longestFaultMs)),
    ),
  ];
}

/** "at most 30 % of what each edge carries". */
export function edgeShareText({
  largestShareRatio,
  processes,
  edges,
}: Pick<PlannedRadius, "largestShareRatio" | "processes" | "edges">): string {
  const share = largestShareRatio === 1 ? "all" : `at most ${formatRatio(largestShareRatio)}`;
  const where =
    processes.length > 0
      ? "what is called there"
      : `what ${edges.length > 1 ? "each edge" : "the edge"} carries`;
  return `${share} of ${where}`;
}

/** "30 % of calls", "unknown: the target does not say which journeys need order -> payment". */
export function clientShareText({ traffic }: Pick<PlannedRadius, "traffic">): string {
  return traffic.kind === "known"
    ? `${formatRatio(traffic.ratio)} of ${traffic.of}`
    : `unknown: ${traffic.why}`;
}

function atMostText(planned: PlannedRadius): string {
  const { mostCalls } = planned;
  const calls = mostCalls === undefined ? "" : `, ${formatCounted(mostCalls, "call")} at most`;
  return `${edgeShareText(planned)}${calls}`;
}

function brokenText({ edges, processes }: PlannedRadius): string {
  return list([...edges, ...processes.map(({ process, kinds }) => `${kinds.join(" and ")} of ${process}`)]);
}

function hitText({
  services,
  stores,
  outside,
}: Pick<PlannedRadius, "services" | "stores" | "outside">): string {
  return list([...services, ...stores, ...outside]);
}

type Failing = RadiusSummary["touched"]["failing"];

function failingByPlan({ planned, touched }: RadiusSummary): {
  readonly near: Failing;
  readonly far: Failing;
} {
  const isFar = ({ service }: Failing[number]): boolean => planned.untouched.includes(service);
  return {
    near: touched.failing.filter((one) => !isFar(one)),
    far: touched.failing.filter(isFar),
  };
}

/** "gateway (906 of 3,201 calls failed)". */
function failingText(failing: Failing): string {
  return list(
    failing.map(
      ({ service, failed, calls }) =>
        `${service} (${formatCount(failed)} of ${formatCount(calls)} calls failed)`,
    ),
  );
}

function requestsText({ touched: { requests } }: RadiusSummary): string {
  const { met, traced } = requests;
  if (traced === 0) return "unknown: no trace came of what was asked meanwhile";
  return `${formatRatio(met / traced)} came to it: ${formatCount(met)} of ${formatCounted(traced, "request")}`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
