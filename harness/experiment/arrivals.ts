import { z } from "zod";
import { duration, fields, oneKeyOf, rate, text } from "../base/fields.ts";
import { formatDuration } from "../base/units.ts";

/**
 * The shapes of load: how many journeys arrive a second, and how that changes. Times are milliseconds from the start of
 * the load. A shape has no end of its own: it goes on as long as the load does.
 *
 *   poisson, constant  ────────      ramp  __／‾‾‾      steps  __▁▁▃▃▆▆      spike  ___▏▔▔▕___      sine  ∿∿∿
 */
export type ArrivalShape =
  /** Gaps drawn at random, as of many clients who know nothing of each other. */
  | { readonly kind: "poisson"; readonly ratePerSecond: number }
  /** Gaps all the same. */
  | { readonly kind: "constant"; readonly ratePerSecond: number }
  | Ramp
  | Steps
  | Spike
  | Sine
  | Replay;

/** How arrivals lie around the rate of the moment: gaps drawn at random, or as even as the rate allows. */
export type Spacing = (typeof spacings)[number];
const spacings = ["poisson", "even"] as const;

/** Straight from one rate to another, where it stays. */
interface Ramp {
  readonly kind: "ramp";
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly overMs: number;
  readonly spacing: Spacing;
}

/** One rate after the other; the last, which has no `forMs`, stays. */
interface Steps {
  readonly kind: "steps";
  readonly steps: readonly { readonly ratePerSecond: number; readonly forMs?: number | undefined }[];
  readonly spacing: Spacing;
}

/** One rate, but another in the middle. */
interface Spike {
  readonly kind: "spike";
  readonly ratePerSecond: number;
  readonly toPerSecond: number;
  readonly atMs: number;
  readonly forMs: number;
  readonly spacing: Spacing;
}

/** Up and down as over a day, between two rates; the lowest is at the start of a period. */
interface Sine {
  readonly kind: "sine";
  readonly fromPerSecond: number;
  readonly toPerSecond: number;
  readonly periodMs: number;
  /** How far into a period the load begins. */
  readonly beginMs: number;
  readonly spacing: Spacing;
}

/** As they were recorded. */
interface Replay {
  readonly kind: "replay";
  /** Where an experiment is read from a file: its absolute path. */
  readonly file: string;
}

const longestMs = 3_600_000;
const longestPeriodMs = 7 * 24 * 3_600_000;
const mostPerSecond = 100_000;
const mostSteps = 1_000;

/** A rate that has to be one, and one that may be nothing for a while. */
export const steadyRate = (): ReturnType<typeof rate> => rate({ atLeast: 0.01, atMost: mostPerSecond });
const anyRate = () => rate({ atMost: mostPerSecond });

export const spacingSchema = z.enum(spacings, { error: `expected one of ${spacings.join(", ")}` });

/** The schema of `arrivals: { <shape>: {...} }`; the spacing is said beside it. */
export const arrivalsSchema = oneKeyOf({
  ramp: fields({
    from: anyRate(),
    to: steadyRate(),
    over: duration({ atLeast: 1, atMost: longestMs }),
  }).transform(({ from, to, over }) => ({
    kind: "ramp" as const,
    fromPerSecond: from,
    toPerSecond: to,
    overMs: over,
  })),
  steps: z
    .array(
      fields({ rate: anyRate(), for: duration({ atLeast: 1, atMost: longestMs }).optional() }).transform(
        ({ rate: ratePerSecond, for: forMs }) => ({
          ratePerSecond,
          ...(forMs === undefined ? {} : { forMs }),
        }),
      ),
      { error: "expected a list of steps" },
    )
    .min(2, { error: "expected at least two steps" })
    .max(mostSteps, { error: `expected at most ${mostSteps} steps` })
    .superRefine((steps, context) => {
      for (const [index, { forMs }] of steps.entries()) {
        const isLast = index === steps.length - 1;
        if (isLast === (forMs === undefined)) continue;
        const message = isLast
          ? "the last step lasts to the end of the load: leave this out"
          : 'expected a duration such as "20s"';
        context.addIssue({ code: "custom", path: [index, "for"], message });
      }
    })
    .transform((steps) => ({ kind: "steps" as const, steps })),
  spike: fields({
    rate: anyRate(),
    to: steadyRate(),
    at: duration({ atMost: longestMs }),
    for: duration({ atLeast: 1, atMost: longestMs }),
  }).transform(({ rate: ratePerSecond, to, at: atMs, for: forMs }) => ({
    kind: "spike" as const,
    ratePerSecond,
    toPerSecond: to,
    atMs,
    forMs,
  })),
  sine: fields({
    from: anyRate(),
    to: steadyRate(),
    period: duration({ atLeast: 1_000, atMost: longestPeriodMs }),
    begin: duration({ atMost: longestPeriodMs }).default(0),
  })
    .superRefine(({ from, to }, context) => {
      if (from > to)
        context.addIssue({ code: "custom", path: ["from"], message: `expected at most to, ${to}/s` });
    })
    .transform(({ from, to, period, begin }) => ({
      kind: "sine" as const,
      fromPerSecond: from,
      toPerSecond: to,
      periodMs: period,
      beginMs: begin,
    })),
  replay: fields({ file: text("the path of recorded arrivals, relative to this file") }).transform(
    ({ file }) => ({ kind: "replay" as const, file }),
  ),
});

/** What of a shape does not fit into a load of a given length; paths are from `arrivals` on. */
export function* arrivalProblems(
  shape: ArrivalShape,
  durationMs: number,
): Generator<{ readonly path: readonly (string | number)[]; readonly message: string }> {
  const whole = `the whole load, ${formatDuration(durationMs)}`;
  switch (shape.kind) {
    case "ramp":
      if (shape.overMs > durationMs) yield { path: ["ramp", "over"], message: `expected at most ${whole}` };
      break;
    case "steps": {
      const timed = shape.steps.flatMap(({ forMs }) => forMs ?? []);
      if (timed.reduce((sum, forMs) => sum + forMs, 0) >= durationMs)
        yield { path: ["steps"], message: `the last step would begin after ${whole}` };
      break;
    }
    case "spike":
      if (shape.atMs + shape.forMs > durationMs)
        yield { path: ["spike", "for"], message: `expected an end within ${whole}` };
      break;
    case "poisson":
    case "constant":
    case "sine":
    case "replay":
  }
}

/** "at 60/s", "at 60/s, evenly", "from 10/s to 100/s over 30 s": to be read after the name of a journey. */
export function describeArrivals(shape: ArrivalShape): string {
  const isEven = shape.kind === "constant" || ("spacing" in shape && shape.spacing === "even");
  return `${textOf(shape)}${isEven ? ", evenly" : ""}`;
}

function textOf(shape: ArrivalShape): string {
  switch (shape.kind) {
    case "poisson":
    case "constant":
      return `at ${perSecond(shape.ratePerSecond)}`;
    case "ramp":
      return `${fromTo(shape)} over ${formatDuration(shape.overMs)}`;
    case "steps":
      return shape.steps
        .map(({ ratePerSecond, forMs }) => {
          const length = forMs === undefined ? "" : ` for ${formatDuration(forMs)}`;
          return `at ${perSecond(ratePerSecond)}${length}`;
        })
        .join(", then ");
    case "spike": {
      const { ratePerSecond, toPerSecond, atMs, forMs } = shape;
      return `at ${perSecond(ratePerSecond)}, with ${perSecond(toPerSecond)} for ${formatDuration(forMs)} after ${formatDuration(atMs)}`;
    }
    case "sine":
      return `${fromTo(shape)} and back every ${formatDuration(shape.periodMs)}`;
    case "replay":
      return `as recorded in ${shape.file}`;
  }
}

function fromTo({ fromPerSecond, toPerSecond }: Ramp | Sine): string {
  return `from ${perSecond(fromPerSecond)} to ${perSecond(toPerSecond)}`;
}

function perSecond(ratePerSecond: number): string {
  return `${Number(ratePerSecond.toFixed(4))}/s`;
}
