import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { SquallError, type ErrorCode } from "../base/errors.ts";
import type { Completion } from "../record/history.ts";
import type { ArrivalPlan } from "./arrivals/arrival-plan.ts";
import type { DriverHealth } from "./self-check.ts";

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
  /** Journeys to take and their weights; one entry for a single journey. */
  readonly mix: Readonly<Record<string, number>>;
  readonly arrivals: ArrivalPlan;
  readonly seed: string;
  /**
   * What sets this run's trace ids and keys apart from those of another run of the same seed: 12 hexadecimal digits.
   * With the same, two runs send the same requests byte for byte. @default drawn at random
   */
  readonly run?: string;
  readonly baseUrl: string;
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
}

export interface LoadProgress {
  readonly atMs: number;
  /** Journeys intended so far, started so far, and now under way. */
  readonly intended: number;
  readonly started: number;
  readonly underWay: number;
  /** Journeys that ended since the last progress, for guards and the live view. */
  readonly ended: readonly JourneyOutcome[];
  /** Of the driver itself, so far. */
  readonly health: DriverHealth;
}

export interface LoadResult {
  readonly intended: number;
  readonly started: number;
  readonly health: DriverHealth;
}

export interface LoadDriver extends AsyncDisposable {
  /** Starts the schedule; @param startAtMs its zero, epoch milliseconds */
  begin(startAtMs: number): void;
  /** Resolves when the schedule is over and every journey has ended; rejects when the process dies. */
  readonly done: Promise<LoadResult>;
  /** No further arrivals; journeys under way end by themselves, or are cut off after two request time-outs. */
  stop(): Promise<LoadResult>;
  /** Ends the process at once if it still runs; what is under way is cut off, and the history is in its file. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What the parent tells the process. */
export type ToDriver =
  | { readonly kind: "plan"; readonly plan: LoadPlan }
  | { readonly kind: "begin"; readonly startAtMs: number }
  | { readonly kind: "stop" };

/** What the process tells its parent. */
export type FromDriver =
  | { readonly kind: "ready" }
  | { readonly kind: "progress"; readonly progress: LoadProgress }
  | { readonly kind: "result"; readonly result: LoadResult }
  | {
      readonly kind: "failed";
      /** Of an expected error; absent for a mistake in Squall. */
      readonly code?: ErrorCode;
      readonly message: string;
      readonly hint?: string | undefined;
    };

/** Once let go of, the process has this long to write what it knows. */
const endWithinMs = 3_000;
const saidBytes = 4_000;
/** Compiled code from one driver to the next: a tenth of a second less from its start to its first request. */
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/**
 * Starts the driver's process on a plan; resolves when its journeys are loaded and it waits for `begin`.
 * @param onProgress told four times a second
 * @param signal ends the process, at any time
 * @throws {SQUALL_FILE} when the module of the journeys cannot be loaded
 * @throws {SQUALL_PREFLIGHT} when it lacks a journey of the mix
 */
export async function startDriver(
  plan: LoadPlan,
  onProgress: (progress: LoadProgress) => void,
  signal?: AbortSignal,
): Promise<LoadDriver> {
  signal?.throwIfAborted();
  const ready = Promise.withResolvers<void>();
  const done = Promise.withResolvers<LoadResult>();
  // Whoever awaits `done` gets the error; nobody awaiting it must not end the process.
  done.promise.catch(() => undefined);
  const fail = (error: unknown): void => {
    ready.reject(error);
    done.reject(error);
  };

  // In a process group of its own: Ctrl-C at the terminal is for the engine, which then says what becomes of the load.
  const child = fork(new URL("driver-main.ts", import.meta.url), {
    // What lives briefly, which is nearly all, gets less room than by default: 10 MB less for the same processor time.
    execArgv: ["--max-semi-space-size=4"],
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env },
  });
  const send = (message: ToDriver): void => {
    // A process that is gone does not hear us; its end is told by "exit".
    if (child.connected) child.send(message, () => undefined);
  };
  const letGo = (): void => {
    if (child.connected) child.disconnect();
  };
  let said = "";
  const heard = Promise.allSettled(
    [child.stdout, child.stderr].map(async (stream) => {
      for await (const text of stream?.setEncoding("utf8") ?? []) said = (said + text).slice(-saidBytes);
    }),
  );
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      fail(error);
      resolve();
    });
    // Not "close": it never comes when it was we who let go.
    child.once("exit", (code, by) => {
      void heard.then(() => {
        const end = by ?? `exit code ${code}`;
        fail(
          signal?.aborted ? signal.reason : new Error(`the load driver ended early (${end}) ${said}`.trim()),
        );
        resolve();
      });
    });
  });
  child.on("message", (message: FromDriver) => {
    switch (message.kind) {
      case "ready":
        ready.resolve();
        break;
      case "progress":
        onProgress(message.progress);
        break;
      case "result":
        done.resolve(message.result);
        break;
      case "failed":
        fail(errorOf(message));
        break;
    }
  });
  signal?.addEventListener("abort", letGo, { once: true });
  void ended.then(() => signal?.removeEventListener("abort", letGo));

  send({ kind: "plan", plan });
  await ready.promise;
  return {
    begin: (startAtMs) => send({ kind: "begin", startAtMs }),
    done: done.promise,
    stop() {
      send({ kind: "stop" });
      return done.promise;
    },
    async [Symbol.asyncDispose]() {
      letGo();
      const kill = setTimeout(() => child.kill("SIGKILL"), endWithinMs);
      await ended;
      clearTimeout(kill);
    },
  };
}

function errorOf({ code, message, hint }: Extract<FromDriver, { kind: "failed" }>): Error {
  if (code === undefined) return new Error(`the load driver failed: ${message}`);
  return new SquallError(code, message, hint === undefined ? {} : { hint });
}
