import type { Random } from "../base/random.ts";

/** One journey that should start: when, from the start of the load, and which. */
export interface Arrival {
  readonly index: number;
  readonly atMs: number;
  readonly journey: string;
}

/**
 * A Poisson process of arrivals with a mean rate, each with its journey drawn by weight. Decided by `random` alone.
 * @param durationMs arrivals are in [0, durationMs)
 */
export function planArrivals(
  random: Random,
  ratePerSecond: number,
  durationMs: number,
  mix: Readonly<Record<string, number>>,
): Arrival[] {
  const gaps = random.fork("gaps");
  const choices = random.fork("journeys");
  const meanGapMs = 1_000 / ratePerSecond;
  const arrivals: Arrival[] = [];
  for (let atMs = gaps.exponential(meanGapMs); atMs < durationMs; atMs += gaps.exponential(meanGapMs))
    arrivals.push({ index: arrivals.length, atMs, journey: chooseByWeight(choices, mix) });
  return arrivals;
}

function chooseByWeight(random: Random, mix: Readonly<Record<string, number>>): string {
  const entries = Object.entries(mix);
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  let left = random.next() * total;
  for (const [journey, weight] of entries) {
    left -= weight;
    if (left < 0) return journey;
  }
  return (entries.at(-1) as [string, number])[0];
}
