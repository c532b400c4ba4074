import type { ArrivalShape } from "../../experiment/arrivals.ts";
import { arrivalsOn, linesOf } from "./rate-line.ts";
import { readRecordedArrivals, repeated } from "./recorded-arrivals.ts";

/** A shape of load and how long it goes on: plain data, for the driver's process. */
export type ArrivalPlan = ArrivalShape & { readonly durationMs: number };

export function totalDurationMs({ durationMs }: ArrivalPlan): number {
  return durationMs;
}

/** How many arrivals a second are meant at a moment of the plan; `undefined` for recorded ones, which say no rate. */
export function ratePerSecondAt(plan: ArrivalPlan, atMs: number): number | undefined {
  if (plan.kind === "replay") return undefined;
  let startMs = 0;
  for (const { fromPerSecond, toPerSecond, durationMs } of linesOf(plan)) {
    const share = (atMs - startMs) / durationMs;
    if (share < 1) return fromPerSecond + Math.max(0, share) * (toPerSecond - fromPerSecond);
    startMs += durationMs;
  }
  return 0;
}

/**
 * How many arrivals a second the plan comes to on average.
 * @throws {SQUALL_FILE} {SQUALL_PREFLIGHT} when recorded arrivals cannot be replayed
 */
export function meanRatePerSecond(plan: ArrivalPlan): number {
  const arrivals =
    plan.kind === "replay"
      ? repeated(readRecordedArrivals(plan.file), plan.durationMs).reduce((count) => count + 1, 0)
      : linesOf(plan).reduce((sum, line) => sum + arrivalsOn(line), 0);
  return (arrivals * 1_000) / plan.durationMs;
}

/**
 * The most arrivals a second that the plan comes to; of recorded ones, their mean.
 * @throws {SQUALL_FILE} {SQUALL_PREFLIGHT} when recorded arrivals cannot be replayed
 */
export function peakRatePerSecond(plan: ArrivalPlan): number {
  if (plan.kind === "replay") return meanRatePerSecond(plan);
  return linesOf(plan).reduce(
    (most, { fromPerSecond, toPerSecond }) => Math.max(most, fromPerSecond, toPerSecond),
    0,
  );
}

/** Whether it has so many starts a second that what one costs decides whether the driver keeps up. */
export function isFast(plan: ArrivalPlan): boolean {
  return peakRatePerSecond(plan) > 5_000;
}

/**
 * Makes sure, before anything is started, that recorded arrivals are there; of another shape there is nothing to ask.
 * @param journeys that they may name
 * @throws {SQUALL_FILE} when they cannot be read @throws {SQUALL_PREFLIGHT} when they are no such arrivals
 */
export function requireArrivals(shape: ArrivalShape, journeys: readonly string[]): void {
  if (shape.kind === "replay") readRecordedArrivals(shape.file, journeys);
}
