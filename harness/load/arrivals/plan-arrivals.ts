import type { Random } from "../../base/random.ts";
import type { ArrivalPlan } from "./arrival-plan.ts";
import { arrivalsOn, linesOf } from "./rate-line.ts";
import { readRecordedArrivals, repeated, type RecordedArrival } from "./recorded-arrivals.ts";

/** One journey that should start: when, from the start of the load, and which. */
export interface Arrival {
  readonly index: number;
  readonly atMs: number;
  readonly journey: string;
}

/**
 * The arrivals of a plan, in order, each made when it is asked for: an hour of 10,000 a second is never in memory. When
 * they come is decided by the plan and `random` alone, which journey each is by `random` and the weights of `mix`, where
 * a recording does not say. None is later than the plan's duration.
 * @throws {SQUALL_FILE} when recorded arrivals cannot be read
 * @throws {SQUALL_PREFLIGHT} when they are no such arrivals, or name a journey that is not in `mix`
 */
export function planArrivals(
  random: Random,
  plan: ArrivalPlan,
  mix: Readonly<Record<string, number>>,
): Iterable<Arrival> {
  const choose = chooser(random.fork("journeys"), mix);
  if (plan.kind === "replay")
    return numbered(repeated(readRecordedArrivals(plan.file, Object.keys(mix)), plan.durationMs), choose);
  return numbered(timesOf(plan, gapsOf(plan, random.fork("gaps"))), choose);
}

type RatePlan = Exclude<ArrivalPlan, { kind: "replay" }>;

function* numbered(recorded: Iterable<RecordedArrival>, choose: () => string): Generator<Arrival, void> {
  let index = 0;
  for (const { atMs, journey } of recorded) {
    yield { index, atMs, journey: journey ?? choose() };
    index += 1;
  }
}

/**
 * Where the integral of the rate reaches the sums of the gaps. With exponential gaps of mean 1 that is a Poisson process
 * of that rate, exactly: the time change of a unit process (Lewis and Shedler 1976; thinning would do, and draw more).
 */
function* timesOf(plan: RatePlan, nextGap: () => number): Generator<{ readonly atMs: number }, void> {
  let startMs = 0;
  /** Arrivals from the start of the line to the next. */
  let due = nextGap();
  for (const line of linesOf(plan)) {
    const { fromPerSecond, toPerSecond, durationMs } = line;
    const expected = arrivalsOn(line);
    const slope = ((toPerSecond - fromPerSecond) * 1_000) / durationMs;
    for (; due < expected; due += nextGap()) {
      // The root of from t + slope t²/2 = due, in the form that stays exact where the slope is next to nothing.
      const root = Math.sqrt(Math.max(0, fromPerSecond ** 2 + 2 * slope * due));
      const afterMs = due === 0 ? 0 : (2_000 * due) / (fromPerSecond + root);
      yield { atMs: startMs + Math.min(afterMs, durationMs) };
    }
    due -= expected;
    startMs += durationMs;
  }
}

/** Gaps in expected arrivals: 1 on average. The first of even ones is half of one, so that they lie in the middle. */
function gapsOf(plan: RatePlan, random: Random): () => number {
  const isEven = plan.kind === "constant" || ("spacing" in plan && plan.spacing === "even");
  if (!isEven) return () => random.exponential(1);
  let isFirst = true;
  return () => {
    if (!isFirst) return 1;
    isFirst = false;
    return 0.5;
  };
}

/** Draws a journey by its weight. */
function chooser(random: Random, mix: Readonly<Record<string, number>>): () => string {
  const entries = Object.entries(mix);
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  return () => {
    let left = random.next() * total;
    for (const [journey, weight] of entries) {
      left -= weight;
      if (left < 0) return journey;
    }
    return (entries.at(-1) as [string, number])[0];
  };
}
