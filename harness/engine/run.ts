import type { Experiment } from "../experiment/experiment.ts";
import type { JournalLine, PhaseName } from "../record/journal.ts";
import type { Summary } from "../record/summary.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";

export interface RunOptions {
  readonly experiment: Experiment;
  readonly target: Target;
  readonly runtime: Runtime;
  /** The experiment's file as the user named it. */
  readonly file: string;
  readonly runsFolder: string;
  readonly seed: string;
  readonly settings: Readonly<Record<string, string>>;
  /** The command that repeats this run. */
  readonly command: string;
  readonly version: string;
  /** Aborted by SIGINT or SIGTERM with the signal's name as reason: undo, report, then stop. */
  readonly interrupt: AbortSignal;
  readonly observer: RunObserver;
}

/** What is happening now, for the live view. */
export interface LiveState {
  readonly phase: PhaseName | "preparing" | "settling" | "judging";
  /** Since the start of the load, and of the phase; the phase's planned length. */
  readonly elapsedMs: number;
  readonly phaseElapsedMs: number;
  readonly phaseDurationMs: number;
  readonly ratePerSecond: number;
  /** Over the last 5 seconds of ended journeys; absent when none ended. */
  readonly successRatio?: number;
  readonly p95Ms?: number;
  readonly activeFaults: readonly string[];
  readonly message?: string;
}

export interface RunObserver {
  onJournal(line: JournalLine): void;
  onLive(state: LiveState): void;
}

export interface RunOutcome {
  /** Absolute path of the run folder. */
  readonly folder: string;
  readonly summary: Summary;
  /** 130 when interrupted, else by the verdict. */
  readonly exitCode: number;
}
