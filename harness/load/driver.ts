import type { Completion } from "../record/history.ts";
import { isFast, type ArrivalPlan } from "./arrivals/arrival-plan.ts";
import { startDriverProcess } from "./driver-process.ts";
import type { Highlights } from "./highlights.ts";
import type { TlsOptions } from "./http/client.ts";
import type { TallyJson } from "./recording/tally.ts";
import type { DriverHealth } from "./self-check.ts";
import type { StepCount } from "./step-counts.ts";
import type { UsersPlan } from "./virtual-users.ts";

/**
 * The load driver is a process of its own, so that nothing the engine does can delay a start.
 *
 *   LoadPlan ─startDriver→ process ─┬→ history.jsonl, histograms.jsonl
 *                                   └→ LoadProgress, several times a second
 */

/** Everything the driver process needs; plain data, sent to it as JSON. */
export interface LoadPlan {
  /** Absolute path of the module that defines the journeys. */
  readonly journeysModule: string;
  /** Journeys to take and their weights; one entry for a single journey, none for each of the module equally often. */
  readonly mix: Readonly<Record<string, number>>;
  /** Who takes them. @default what the module says, else as many as are needed */
  readonly users?: UsersPlan;
  readonly arrivals: ArrivalPlan;
  readonly seed: string;
  /**
   * What sets this run's trace ids and keys apart from those of another run of the same seed: 12 hexadecimal digits.
   * With the same, two runs send the same requests byte for byte. @default drawn at random
   */
  readonly run?: string;
  readonly baseUrl: string;
  /** For a base URL of `https:`. */
  readonly tls?: TlsOptions;
  readonly historyFile: string;
  /** Named like a run folder's, for `readLoadResult`. */
  readonly histogramsFile: string;
  readonly maxConnections: number;
  /** A request without a whole answer by then is `unknown`. */
  readonly timeoutMs: number;
}

export interface JourneyOutcome {
  readonly journey: string;
  readonly arrival: number;
  readonly completion: Completion;
  readonly intendedMs: number;
  readonly endedMs: number;
  /** Of one that did not end ok: "http-503", "timeout", … */
  readonly errorKind?: string;
}

/** How the load goes, whatever drives it. */
export interface JourneyProgress {
  readonly atMs: number;
  /** Journeys intended so far, started so far, and now under way. */
  readonly intended: number;
  readonly started: number;
  readonly underWay: number;
  /** Journeys that ended since the last progress, for guards and the live view. */
  readonly ended: readonly JourneyOutcome[];
  /** Operations that ended since the last progress, by their step. */
  readonly steps: readonly StepCount[];
}

export interface LoadProgress extends JourneyProgress {
  /** Of the driver itself, so far. */
  readonly health: DriverHealth;
  /** Virtual users that have taken a journey so far. */
  readonly users: number;
  /** Operations that ended since the last progress. */
  readonly operations: TallyJson;
}

/** What the driver's process tells while it drives: of each progress, the journeys that ended come before the rest. */
export type DriverNews =
  | { readonly kind: "ended"; readonly outcomes: readonly JourneyOutcome[] }
  | ({ readonly kind: "progress" } & Omit<LoadProgress, "ended">);

export interface LoadResult {
  readonly intended: number;
  readonly started: number;
  readonly health: DriverHealth;
  readonly users: number;
  readonly highlights: Highlights;
  /** Errors of the journeys' code that no journey awaited, and so none could end of: each message, how often. */
  readonly stray: readonly { readonly message: string; readonly count: number }[];
}

/** @typeParam Result what is known when the load is over */
export interface LoadDriver<Result = LoadResult> extends AsyncDisposable {
  /** Starts the schedule; @param startAtMs its zero, epoch milliseconds */
  begin(startAtMs: number): void;
  /** Resolves when the schedule is over and every journey has ended; rejects when the process dies. */
  readonly done: Promise<Result>;
  /** No further arrivals; journeys under way end by themselves, or are cut off after two request time-outs. */
  stop(): Promise<Result>;
  /** No further arrivals, and journeys under way are cut off at once. */
  cut(): Promise<Result>;
  /** Ends the process at once if it still runs; what is under way is cut off, and the history is in its file. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the driver's process on a plan; resolves when its journeys are loaded and it waits for `begin`.
 * @param onProgress told four times a second
 * @param signal ends the process, at any time
 * @throws {SQUALL_FILE} when the module of the journeys cannot be loaded
 * @throws {SQUALL_INVALID_DOCUMENT} when a data file of theirs has a row of another form
 * @throws {SQUALL_PREFLIGHT} when it lacks a journey of the mix
 */
export async function startDriver(
  plan: LoadPlan,
  onProgress: (progress: LoadProgress) => void,
  signal?: AbortSignal,
): Promise<LoadDriver> {
  let ended: JourneyOutcome[] = [];
  const onNews = (news: DriverNews): void => {
    if (news.kind === "ended") return void ended.push(...news.outcomes);
    const { kind: _news, ...progress } = news;
    onProgress({ ...progress, ended });
    ended = [];
  };
  return startDriverProcess(new URL("driver-main.ts", import.meta.url), plan, onNews, {
    isFast: isFast(plan.arrivals),
    signal,
  });
}
