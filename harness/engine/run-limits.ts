import type { Clock } from "../base/clock.ts";
import { blastRadius } from "../experiment/blast-radius.ts";
import { durationMsOf, type Experiment } from "../experiment/experiment.ts";
import {
  hoursBreaches,
  limitBreaches,
  requireNoBreach,
  type LimitBreach,
} from "../experiment/limit-breach.ts";
import type { Target } from "../target/target.ts";

export interface LimitedRun {
  readonly experiment: Experiment;
  readonly target: Target;
  /** The experiment's file as the user named it. */
  readonly file: string;
  /** Why the run may go beyond the limits, in the user's words. @default it may not */
  readonly beyondLimits?: string | undefined;
}

/**
 * What of the target's limits a run that begins now would go beyond, where it says why it may.
 * @throws {SQUALL_LIMITS} where it does not
 */
export function checkLimits(
  { experiment, target, file, beyondLimits }: LimitedRun,
  clock: Pick<Clock, "nowMs">,
): readonly LimitBreach[] {
  const startMs = clock.nowMs();
  const span = { startMs, endMs: startMs + durationMsOf(experiment.phases) };
  const breaches = [
    ...limitBreaches(blastRadius(experiment, target), target.limits),
    ...hoursBreaches(span, target.limits),
  ];
  const hint = `the limits are set in ${target.file}; --beyond-limits "why" runs it all the same, on record`;
  if (beyondLimits === undefined) requireNoBreach(breaches, { what: file, target, hint });
  return breaches;
}
