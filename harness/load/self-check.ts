import { monitorEventLoopDelay } from "node:perf_hooks";
import { systemClock } from "../base/clock.ts";
import { formatDuration, formatRatio } from "../base/units.ts";
import { createHistogram } from "../stats/histogram.ts";

/**
 * Whether the driver itself was what slowed the load down: what it measures of itself while it drives, and the bounds
 * beyond which its figures say nothing of the system.
 */

/** How the driver did, so far. */
export interface DriverFigures {
  /** How late journeys started against the plan: 99th percentile by nearest rank, and the latest; 0 when none has. */
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
  /** Share of one processor that the thread which sends and reads took, in the worst {@link cpuWindowMs}. */
  readonly cpuShare: number;
  /** The longest that it read nothing and sent nothing. */
  readonly stallMaxMs: number;
}

export interface DriverHealth extends DriverFigures {
  /** Why the driver was the bottleneck; absent where it was not. */
  readonly problem?: string;
}

/** Beyond one of these the driver was the bottleneck; docs/experiments.md lists them. */
export const driverBounds = { lateP99Ms: 100, cpuShare: 0.9, stallMaxMs: 1_000 } as const;

/** Why figures like these say that the driver was the bottleneck, naming figure and bound; undefined where they do not. */
export function driverProblem(figures: {
  readonly [Figure in keyof DriverFigures]?: number | undefined;
}): string | undefined {
  const { lateP99Ms = 0, cpuShare = 0, stallMaxMs = 0 } = figures;
  const reasons = [
    ...(lateP99Ms > driverBounds.lateP99Ms
      ? [
          `starts were ${formatDuration(lateP99Ms)} late at the 99th percentile (bound ${formatDuration(driverBounds.lateP99Ms)})`,
        ]
      : []),
    ...(cpuShare > driverBounds.cpuShare
      ? [`it took ${formatRatio(cpuShare)} of a processor (bound ${formatRatio(driverBounds.cpuShare)})`]
      : []),
    ...(stallMaxMs > driverBounds.stallMaxMs
      ? [
          `it stood still for ${formatDuration(stallMaxMs)} (bound ${formatDuration(driverBounds.stallMaxMs)})`,
        ]
      : []),
  ];
  return reasons.length === 0 ? undefined : `the load driver was the bottleneck: ${reasons.join("; ")}`;
}

export interface SelfCheck extends Disposable {
  /** A journey was started; @param lateMs after its time */
  started(lateMs: number): void;
  health(): DriverHealth;
}

/** Over which the share of a processor is taken; shorter bursts, such as of the garbage collector, even out. */
const cpuWindowMs = 5_000;
const sampleEveryMs = 250;
/** How often the loop is asked whether it turns; a stall is what comes on top. */
const pulseMs = 10;
/** Lateness is kept to so much, so that its histogram stays small. */
const lateStepMs = 0.01;

export function watchDriver(): SelfCheck {
  const lates = createHistogram();
  const pulse = monitorEventLoopDelay({ resolution: pulseMs });
  pulse.enable();
  const samples = [cpuSample()];
  let cpuShare = 0;
  const sample = (): void => {
    const last = cpuSample();
    samples.push(last);
    while ((samples[1]?.atMs ?? Infinity) <= last.atMs - cpuWindowMs) samples.shift();
    const [first = last] = samples;
    const spanMs = last.atMs - first.atMs;
    if (spanMs >= cpuWindowMs) cpuShare = Math.max(cpuShare, (last.usedMs - first.usedMs) / spanMs);
  };
  const sampling = setInterval(sample, sampleEveryMs).unref();
  return {
    started(lateMs) {
      lates.add(Math.ceil(Math.max(0, lateMs) / lateStepMs) * lateStepMs);
    },
    health() {
      const figures: DriverFigures = {
        lateP99Ms: lates.percentileMs(0.99) ?? 0,
        lateMaxMs: lates.maxMs ?? 0,
        cpuShare: cpuShare === 0 ? shareSince(samples[0]) : cpuShare,
        stallMaxMs: Math.max(0, pulse.max / 1e6 - pulseMs),
      };
      const problem = driverProblem(figures);
      return { ...figures, ...(problem === undefined ? {} : { problem }) };
    },
    [Symbol.dispose]() {
      clearInterval(sampling);
      pulse.disable();
    },
  };
}

interface CpuSample {
  readonly atMs: number;
  /** Processor time of this thread. */
  readonly usedMs: number;
}

function cpuSample(): CpuSample {
  const { user, system } = process.threadCpuUsage();
  return { atMs: systemClock.nowMs(), usedMs: (user + system) / 1_000 };
}

/** Of a load that is shorter than the window. */
function shareSince(first: CpuSample | undefined): number {
  const last = cpuSample();
  return first === undefined ? 0 : (last.usedMs - first.usedMs) / Math.max(1, last.atMs - first.atMs);
}
