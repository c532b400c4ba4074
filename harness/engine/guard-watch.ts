import { formatDuration, formatRatio } from "../base/units.ts";
import type { Guard } from "../experiment/experiment.ts";
import type { JourneyOutcome } from "../load/driver.ts";
import { createGuardTest } from "../stats/e-process.ts";

/** A guard that found its condition met. */
export interface Tripped {
  readonly guard: string;
  readonly detail: string;
}

export interface GuardWatch {
  /** The first guard whose condition is met by these journeys and those before, if one is. */
  observe(outcomes: readonly JourneyOutcome[], nowMs: number): Tripped | undefined;
}

/** Watches every guard over every journey that ends, from `sinceMs` (epoch milliseconds) on. */
export function watchGuards(
  guards: readonly Guard[],
  journeysOf: (name: string) => ReadonlySet<string>,
  sinceMs: number,
): GuardWatch {
  const watches = guards.map((guard) => watchGuard(guard, journeysOf(guard.journey), sinceMs));
  return {
    observe(outcomes, nowMs) {
      // Each guard must see every journey, also those after one that tripped.
      const tripped = watches.map((watch) => watch.observe(outcomes, nowMs));
      return tripped.find((found) => found !== undefined);
    },
  };
}

/** Probability with which a guard may abort a run that is well. */
const alpha = 0.01;

/**
 * Watches one guard over every journey that ends. It trips when both hold:
 *   - the always-valid test rejects "success is at least the guard's ratio" (looking at each request costs nothing);
 *   - for as long as the guard says, the success ratio of the last second was never back at the guard's ratio.
 * So a burst that is over does not abort a run, and neither does chance.
 */
function watchGuard(guard: Guard, journeys: ReadonlySet<string>, sinceMs: number): GuardWatch {
  const title = `abort when ${guard.journey} success is below ${formatRatio(guard.successBelowRatio)} for ${formatDuration(guard.forMs)}`;
  const test = createGuardTest({ nullSuccessRatio: guard.successBelowRatio, alpha });
  let isBelow = false;
  let lastGoodMs = sinceMs;
  let recent: readonly JourneyOutcome[] = [];
  return {
    observe(outcomes, nowMs) {
      const mine = outcomes.filter(({ journey }) => journeys.has(journey));
      for (const { completion } of mine) isBelow = test.observe(completion === "ok").isBelow;
      recent = [...recent, ...mine].filter(({ endedMs }) => endedMs >= nowMs - guard.forMs);
      if (
        successRatioOf(recent.filter(({ endedMs }) => endedMs >= nowMs - lastSecondMs)) >=
        guard.successBelowRatio
      )
        lastGoodMs = nowMs;
      if (!isBelow || nowMs - lastGoodMs < guard.forMs) return undefined;
      const succeeded = recent.filter(({ completion }) => completion === "ok").length;
      return {
        guard: title,
        detail: `${succeeded} of ${recent.length} succeeded in the last ${formatDuration(guard.forMs)}`,
      };
    },
  };
}

const lastSecondMs = 1_000;

/** NaN when nothing ended, which is neither good nor bad. */
function successRatioOf(outcomes: readonly JourneyOutcome[]): number {
  return outcomes.filter(({ completion }) => completion === "ok").length / outcomes.length;
}
