import { formatDuration } from "../base/units.ts";
import type { Delay } from "../experiment/delay.ts";
import type { ToxicSpec } from "./proxy-api.ts";

/** "3 s ± 500 ms", "200 ms, Pareto of 50 ms more on average", "5 ms to 80 ms, as recorded". */
export function describeDelay(delay: Delay): string {
  if (delay.distribution === "replay") {
    const shortest = formatDuration(Math.min(...delay.valuesMs));
    const longest = formatDuration(Math.max(...delay.valuesMs));
    return shortest === longest ? `${shortest} as recorded` : `${shortest} to ${longest} as recorded`;
  }
  const { distribution, delayMs, jitterMs } = delay;
  const jitter = formatDuration(jitterMs);
  if (jitterMs === 0) return formatDuration(delayMs);
  switch (distribution) {
    case "uniform":
      return `${formatDuration(delayMs)} ± ${jitter}`;
    case "normal":
      return `${formatDuration(delayMs)} ± ${jitter} (normal)`;
    case "pareto":
      return `${formatDuration(delayMs)} and on average ${jitter} more (Pareto)`;
  }
}

/** The proxy's attributes that say by how much delays differ, and the delay in whole milliseconds. */
export function delayAttributes(delay: Delay): {
  readonly delayMs: number;
  readonly spread: ToxicSpec["attributes"];
} {
  if (delay.distribution === "replay")
    return { delayMs: 0, spread: { distribution: "replay", values: delay.valuesMs } };
  const { distribution, delayMs, jitterMs } = delay;
  const jitter = Math.round(jitterMs);
  return {
    delayMs: Math.round(delayMs),
    spread: distribution === "uniform" ? { jitter } : { jitter, distribution },
  };
}

/** What nothing is delayed by less than, in milliseconds. */
export function leastDelayMs(delay: Delay): number {
  switch (delay.distribution) {
    case "uniform":
      return delay.delayMs - delay.jitterMs;
    case "pareto":
      return delay.delayMs;
    case "normal":
      return 0;
    case "replay":
      return Math.min(...delay.valuesMs);
  }
}
