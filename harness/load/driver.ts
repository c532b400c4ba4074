import { fork } from "node:child_process";
import type { Completion } from "../record/history.ts";

/**
 * The load driver is a process of its own, so that nothing the engine does can delay a start.
 *
 *   LoadPlan ─startDriver→ process ─┬→ history.jsonl
 *                                   └→ LoadProgress, several times a second
 */

/** Everything the driver process needs; plain data, sent to it as JSON. */
export interface LoadPlan {
  /** Absolute path of the module that defines the journeys. */
  readonly journeysModule: string;
  /** Journeys to take and their weights; one entry for a single journey. */
  readonly mix: Readonly<Record<string, number>>;
  readonly ratePerSecond: number;
  /** Length of the arrival schedule from `startAtMs`. */
  readonly durationMs: number;
  /** When the first arrival may be, epoch milliseconds. */
  readonly startAtMs: number;
  readonly seed: string;
  readonly baseUrl: string;
  readonly historyFile: string;
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
}

export interface LoadProgress {
  readonly atMs: number;
  /** Journeys intended so far, started so far, and now under way. */
  readonly intended: number;
  readonly started: number;
  readonly underWay: number;
  /** Journeys that ended since the last progress, for guards and the live view. */
  readonly ended: readonly JourneyOutcome[];
  /** 99th percentile of how late journeys started against the plan, so far. */
  readonly lateP99Ms: number;
}

export interface LoadResult {
  readonly intended: number;
  readonly started: number;
  readonly lateP99Ms: number;
  readonly lateMaxMs: number;
}

export interface LoadDriver extends AsyncDisposable {
  /** Resolves when the schedule is over and every journey has ended; rejects when the process dies. */
  readonly done: Promise<LoadResult>;
  /** No further arrivals; journeys under way end or time out. */
  stop(): Promise<LoadResult>;
}

/** What the process tells its parent. */
export type FromDriver =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly progress: LoadProgress }
  | { readonly kind: "result"; readonly result: LoadResult }
  | { readonly kind: "failed"; readonly message: string };

/**
 * Starts the driver's process on a plan. `onProgress` is told several times a second.
 */
export async function startDriver(
  plan: LoadPlan,
  onProgress: (progress: LoadProgress) => void,
): Promise<LoadDriver> {
  const child = fork(new URL("driver-main.ts", import.meta.url), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: true,
  });
  const { promise: done, resolve, reject } = Promise.withResolvers<LoadResult>();
  // Whoever awaits `done` gets the error; nobody awaiting it must not end the process.
  done.catch(() => undefined);
  child.on("message", (message: FromDriver) => {
    switch (message.kind) {
      case "ready":
        child.send({ kind: "plan", plan });
        break;
      case "progress":
        onProgress(message.progress);
        break;
      case "result":
        resolve(message.result);
        break;
      case "failed":
        reject(new Error(`the load driver failed: ${message.message}`));
        break;
    }
  });
  child.on("error", reject);
  child.on("exit", (code, signal) =>
    reject(new Error(`the load driver ended early (${signal ?? `exit code ${code}`})`)),
  );
  const stop = async (): Promise<LoadResult> => {
    if (child.connected) child.send({ kind: "stop" });
    return done;
  };
  return {
    done,
    stop,
    async [Symbol.asyncDispose]() {
      await stop().catch(() => undefined);
    },
  };
}
