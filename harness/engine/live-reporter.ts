import type { JourneyOutcome, JourneyProgress } from "../load/driver.ts";
import type { Phase } from "./timeline.ts";

/** What is happening now, for the live view. Two shapes: outside the load there is nothing to count. */
export type LiveState =
  { readonly phase: "preparing" | "settling" | "judging"; readonly message: string } | LoadState;

export interface LoadState {
  readonly phase: Phase["phase"];
  /** Since the start of the load, and of the phase; the phase's planned length. */
  readonly elapsedMs: number;
  readonly phaseElapsedMs: number;
  readonly phaseDurationMs: number;
  /** Arrivals that are meant at this moment; absent where they are replayed. */
  readonly ratePerSecond?: number;
  /** Over journeys that ended in the last 5 seconds; absent when none did. */
  readonly successRatio?: number;
  readonly p95Ms?: number;
  readonly activeFaults: readonly string[];
}

export interface LiveReporter {
  /** @param zeroMs start of the load, epoch milliseconds */
  enter(phase: Phase, zeroMs: number): void;
  /** Takes in what the load reports and says how things stand. */
  report(progress: JourneyProgress): void;
}

export interface LiveReporterOptions {
  /** Arrivals a second that are meant so many milliseconds after the start of the load. */
  readonly rateAt: (elapsedMs: number) => number | undefined;
  readonly activeFaults: () => readonly string[];
  readonly onLive: (state: LiveState) => void;
}

const windowMs = 5_000;

export function createLiveReporter({ rateAt, activeFaults, onLive }: LiveReporterOptions): LiveReporter {
  let entered: { readonly phase: Phase; readonly zeroMs: number } | undefined;
  let recent: readonly JourneyOutcome[] = [];
  return {
    enter(phase, zeroMs) {
      entered = { phase, zeroMs };
    },
    report({ atMs, ended }) {
      recent = [...recent, ...ended].filter(({ endedMs }) => endedMs >= atMs - windowMs);
      if (!entered) return;
      const { phase, zeroMs } = entered;
      const elapsedMs = atMs - zeroMs;
      const ratePerSecond = rateAt(elapsedMs);
      onLive({
        phase: phase.phase,
        elapsedMs,
        phaseElapsedMs: elapsedMs - phase.startMs,
        phaseDurationMs: phase.endMs - phase.startMs,
        ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
        ...figuresOf(recent),
        activeFaults: activeFaults(),
      });
    },
  };
}

function figuresOf(ended: readonly JourneyOutcome[]): Pick<LoadState, "successRatio" | "p95Ms"> {
  if (ended.length === 0) return {};
  const latencies = ended.map(({ intendedMs, endedMs }) => endedMs - intendedMs).sort((a, b) => a - b);
  return {
    successRatio: ended.filter(({ completion }) => completion === "ok").length / ended.length,
    p95Ms: latencies[Math.ceil(latencies.length * 0.95) - 1] as number,
  };
}
