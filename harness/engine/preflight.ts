import { formatEdge, type Edge } from "../base/edge.ts";
import { SquallError } from "../base/errors.ts";
import { formatRatio } from "../base/units.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { isEdgeFault } from "../experiment/fault.ts";
import { proxyNameOf } from "../faults/fault-kind.ts";
import type { ProxyEvidence } from "../faults/proxy-api.ts";
import type { JourneyOutcome } from "../load/driver.ts";
import type { JournalEvent } from "../record/journal.ts";
import { clientName } from "../target/target.ts";

export interface PreflightFacts {
  /** What the proxy carried up to the start of the baseline, and up to its end. */
  readonly before: ProxyEvidence;
  readonly after: ProxyEvidence;
  /** Calls over each edge in the baseline, by the traces; for a proxy that counts connections only when they end. */
  readonly crossings?: ReadonlyMap<string, number>;
  /** Journeys that ended in the baseline. */
  readonly baseline: readonly JourneyOutcome[];
  /** Processes of the fleet that have ended since the run began, and how. */
  readonly ends: readonly string[];
  /** Edges that no traffic crosses when all is well. */
  readonly standby: readonly Edge[];
  /** The journeys that a name in the experiment stands for. */
  readonly journeysOf: (name: string) => ReadonlySet<string>;
}

/** What of an experiment is checked. */
type Hypothesized = Pick<Experiment, "faults" | "hypothesis">;

type Check = Extract<JournalEvent, { readonly event: "preflight" }>;

/** What must be so before anything is injected; one line for each check, passed or not. */
export function preflightChecks(experiment: Hypothesized, facts: PreflightFacts): readonly Check[] {
  return [
    noFaultInPlace(facts),
    ...everyProcessRuns(facts),
    ...edgesCarryTraffic(experiment, facts),
    ...steadyStateHolds(experiment, facts),
  ];
}

/** @throws {SQUALL_PREFLIGHT} naming every check that did not pass */
export function requirePassed(checks: readonly Check[]): void {
  const refused = checks.filter(({ passed }) => !passed);
  if (refused.length === 0) return;
  throw new SquallError(
    "SQUALL_PREFLIGHT",
    [
      "pre-flight refused the run; nothing was injected",
      ...refused.map(({ check, detail }) => `  ${check}: ${detail}`),
    ].join("\n"),
    { hint: "a fault tells nothing about a system that is unwell before it, or that does not use the edge" },
  );
}

function noFaultInPlace({ after }: PreflightFacts): Check {
  const inPlace = after.faults.filter(({ ended_at_ms }) => ended_at_ms === null);
  return {
    event: "preflight",
    check: "no other fault is in place",
    passed: inPlace.length === 0,
    detail:
      inPlace.length === 0 ? "none" : inPlace.map(({ proxy, type }) => `${type} on ${proxy}`).join(", "),
  };
}

/** Of fleets that cannot tell, nothing is said. */
function everyProcessRuns({ ends }: PreflightFacts): readonly Check[] {
  if (ends.length === 0) return [];
  return [{ event: "preflight", check: "no process has ended", passed: false, detail: ends.join(", ") }];
}

function edgesCarryTraffic(
  experiment: Hypothesized,
  { before, after, standby, crossings, baseline }: PreflightFacts,
): readonly Check[] {
  const bytesOf = (evidence: ProxyEvidence, name: string): number => {
    const proxy = evidence.proxies.find((candidate) => candidate.name === name);
    return proxy ? proxy.upstream_bytes + proxy.downstream_bytes : 0;
  };
  const edges = new Map(experiment.faults.filter(isEdgeFault).map(({ edge }) => [proxyNameOf(edge), edge]));
  return [...edges].map(([proxy, edge]) => {
    const bytes = bytesOf(after, proxy) - bytesOf(before, proxy);
    // The clients' own edge has no spans.
    const calls = edge.caller === clientName ? baseline.length : (crossings?.get(formatEdge(edge)) ?? 0);
    const shown = bytes > 0 || (crossings !== undefined && calls > 0);
    const stands = standby.some((other) => formatEdge(other) === formatEdge(edge));
    const none = stands ? "it stands by until another fails" : "no byte crossed it in the baseline";
    const some = bytes > 0 ? `${bytes} bytes in the baseline` : `${calls} calls in the baseline`;
    return {
      event: "preflight",
      check: `traffic crosses ${formatEdge(edge)}`,
      passed: shown || stands,
      detail: shown ? some : none,
    };
  });
}

/** The hypothesis must hold before the fault, or its deviation would say nothing about the fault. */
function steadyStateHolds(experiment: Hypothesized, facts: PreflightFacts): readonly Check[] {
  const objectives = experiment.hypothesis.filter((objective) => objective.kind === "success");
  return objectives.map(({ journey, atLeastRatio }) => {
    const journeys = facts.journeysOf(journey);
    const outcomes = facts.baseline.filter((outcome) => journeys.has(outcome.journey));
    const ok = outcomes.filter(({ completion }) => completion === "ok").length;
    const ratio = outcomes.length === 0 ? 0 : ok / outcomes.length;
    return {
      event: "preflight",
      check: `${journey} is in its steady state`,
      passed: outcomes.length > 0 && ratio >= atLeastRatio,
      detail:
        outcomes.length === 0
          ? "no such journey ended in the baseline"
          : `${ok} of ${outcomes.length} succeeded, ${formatRatio(atLeastRatio)} expected`,
    };
  });
}
