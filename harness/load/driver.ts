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
  /** Length of the arrival schedule. */
  readonly durationMs: number;
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
  /** Starts the schedule; @param startAtMs its zero, epoch milliseconds */
  begin(startAtMs: number): void;
  /** Resolves when the schedule is over and every journey has ended; rejects when the process dies. */
  readonly done: Promise<LoadResult>;
  /** No further arrivals; journeys under way end or time out. */
  stop(): Promise<LoadResult>;
}

/** What the process tells its parent. */
export type FromDriver =
  | { readonly kind: "up" }
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly progress: LoadProgress }
  | { readonly kind: "result"; readonly result: LoadResult }
  | { readonly kind: "failed"; readonly message: string };

/** What it is told. */
export type ToDriver =
  | { readonly kind: "plan"; readonly plan: LoadPlan }
  | { readonly kind: "begin"; readonly startAtMs: number }
  | { readonly kind: "stop" };

/**
 * Starts the driver's process; resolves once it has loaded the journeys and waits for `begin`. `onProgress` is told
 * several times a second.
 * @throws {Error} when the journeys cannot be loaded
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
  const { promise: ready, resolve: becomeReady } = Promise.withResolvers<void>();
  const tell = (message: ToDriver): void => {
    if (child.connected) child.send(message);
  };
  // Whoever awaits `done` gets the error; nobody awaiting it must not end the process.
  done.catch(() => undefined);
  child.on("message", (message: FromDriver) => {
    switch (message.kind) {
      case "up":
        tell({ kind: "plan", plan });
        break;
      case "ready":
        becomeReady();
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
    tell({ kind: "stop" });
    return done;
  };
  await Promise.race([ready, done]);
  return {
    begin: (startAtMs) => tell({ kind: "begin", startAtMs }),
    done,
    stop,
    async [Symbol.asyncDispose]() {
      await stop().catch(() => undefined);
    },
  };
}
