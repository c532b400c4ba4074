import type { ArrivalShape } from "../../experiment/arrivals.ts";
import { linesOf, type RateLine } from "./rate-line.ts";

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

/** How many arrivals the plan comes to on average; `undefined` for recorded ones. */
export function expectedArrivals(plan: ArrivalPlan): number | undefined {
  if (plan.kind === "replay") return undefined;
  return linesOf(plan).reduce((sum, line) => sum + arrivalsOn(line), 0);
}

/** Arrivals under a straight line: the area of a trapezium. */
export function arrivalsOn({ fromPerSecond, toPerSecond, durationMs }: RateLine): number {
  return ((fromPerSecond + toPerSecond) / 2) * (durationMs / 1_000);
}
