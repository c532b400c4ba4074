import type { ArrivalShape } from "../../experiment/arrivals.ts";

/** A stretch of a load along which the rate of arrivals goes straight from one value to another. */
export interface RateLine {
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly durationMs: number;
}

/** A sine is drawn in so many straight lines a period: the rate is off by less than 0.001 % of its height. */
const linesPerPeriod = 720;

type RateShape = Exclude<ArrivalShape, { kind: "replay" }>;

/** The shape as straight lines, end to end, up to the end of the load. */
export function* linesOf(shape: RateShape & { readonly durationMs: number }): Generator<RateLine, void> {
  let leftMs = shape.durationMs;
  for (const line of endlessLinesOf(shape)) {
    if (leftMs <= 0) return;
    if (line.durationMs > 0) yield cutAt(line, leftMs);
    leftMs -= line.durationMs;
  }
}

/** Arrivals under a straight line: the area of a trapezium. */
export function arrivalsOn({ fromPerSecond, toPerSecond, durationMs }: RateLine): number {
  return ((fromPerSecond + toPerSecond) / 2) * (durationMs / 1_000);
}

/** The part of a line that lies within the next `limitMs`. */
function cutAt(line: RateLine, limitMs: number): RateLine {
  if (line.durationMs <= limitMs) return line;
  const { fromPerSecond, toPerSecond, durationMs } = line;
  // A flat line may be endless: its rate at the cut must not be asked for as a share of that.
  if (fromPerSecond === toPerSecond) return { ...line, durationMs: limitMs };
  const share = limitMs / durationMs;
  return {
    fromPerSecond,
    toPerSecond: fromPerSecond + share * (toPerSecond - fromPerSecond),
    durationMs: limitMs,
  };
}

function* endlessLinesOf(shape: RateShape): Generator<RateLine, void> {
  const flat = (perSecond: number, durationMs = Infinity): RateLine => ({
    fromPerSecond: perSecond,
    toPerSecond: perSecond,
    durationMs,
  });
  switch (shape.kind) {
    case "poisson":
    case "constant":
      yield flat(shape.ratePerSecond);
      break;
    case "ramp":
      yield {
        fromPerSecond: shape.fromPerSecond,
        toPerSecond: shape.toPerSecond,
        durationMs: shape.overMs,
      };
      yield flat(shape.toPerSecond);
      break;
    case "steps":
      for (const { ratePerSecond, forMs } of shape.steps) yield flat(ratePerSecond, forMs);
      break;
    case "spike":
      yield flat(shape.ratePerSecond, shape.atMs);
      yield flat(shape.toPerSecond, shape.forMs);
      yield flat(shape.ratePerSecond);
      break;
    case "sine": {
      const { fromPerSecond, toPerSecond, periodMs, beginMs } = shape;
      const rateAt = (index: number): number => {
        const turns = beginMs / periodMs + index / linesPerPeriod;
        return fromPerSecond + ((toPerSecond - fromPerSecond) * (1 - Math.cos(2 * Math.PI * turns))) / 2;
      };
      for (let index = 0; ; index += 1)
        yield {
          fromPerSecond: rateAt(index),
          toPerSecond: rateAt(index + 1),
          durationMs: periodMs / linesPerPeriod,
        };
    }
  }
}
