import { formatDuration } from "../base/units.ts";
import { describeArrivals } from "../experiment/arrivals.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { describeGuard } from "../experiment/guard.ts";
import { describeObjective } from "../experiment/objective.ts";
import { describeFault } from "../faults/fault.ts";

/** An experiment in lines that a person reads before running it. */
export function experimentText(experiment: Experiment): readonly string[] {
  const { title, load, phases, faults, hypothesis, guards, settings } = experiment;
  const chosen = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return [
    title,
    `load      ${load.journey} ${describeArrivals(load.arrivals)}; ${loadText(load)}`,
    `phases    warm-up ${formatDuration(phases.warmupMs)}, baseline ${formatDuration(phases.baselineMs)}, ` +
      `fault ${formatDuration(phases.faultMs)}, recovery ${formatDuration(phases.recoveryMs)}`,
    ...(chosen.length === 0 ? [] : [`settings  ${chosen.join(", ")}`]),
    ...faults.map((fault) => `fault     ${describeFault(fault)}`),
    ...hypothesis.map((objective) => `expects   ${describeObjective(objective)}`),
    ...guards.map((guard) => `guard     ${describeGuard(guard)}`),
  ];
}

function loadText(load: Experiment["load"]): string {
  switch (load.engine) {
    case "squall":
      return `a request gives up after ${formatDuration(load.timeoutMs)}`;
    case "k6":
      return `made by k6 with ${load.script}`;
  }
}
