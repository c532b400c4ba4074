import { fork, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "../base/clock.ts";
import { SquallError } from "../base/errors.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import { takenBackWithinMs } from "./processes.ts";

/**
 * The watchdog is a small process of its own that holds the lease of what a run breaks by its runtime, as the proxy holds the
 * lease of faults of edges. It takes back by the journal what the run has left in place:
 *
 *   engine ──beat each second──▶ watchdog          the channel closes: the engine is gone, at once
 *          ◀──heard, took over──                   no beat for five of its ticks: the engine hangs
 *
 * It is started before the first fault, has a session of its own, and ends with the engine.
 */

/** What the engine tells the watchdog. */
export type ToWatchdog =
  | { readonly kind: "watch"; readonly orders: WatchdogOrders }
  | { readonly kind: "beat"; readonly beat: number }
  | { readonly kind: "end" };

/** What the watchdog tells the engine. */
export type FromWatchdog =
  | { readonly kind: "ready" }
  | { readonly kind: "heard"; readonly beat: number }
  | { readonly kind: "took-over"; readonly why: string }
  | { readonly kind: "taken-back" };

/** Plain data, sent as JSON. */
export interface WatchdogOrders {
  readonly runtime: Runtime["name"];
  /** As it was read when the run began: its file may have changed since. */
  readonly target: Pick<Target, "document" | "file">;
  /** Path of the run's journal; absolute. */
  readonly journal: string;
  /** How often it looks whether the engine has told of itself; after five times without, the engine hangs. @default 1000 */
  readonly tickMs?: number;
}

export interface WatchdogOptions {
  /** The module that its process runs: it calls `serveWatchdog`. */
  readonly main: URL;
  readonly orders: WatchdogOrders;
  readonly logFile: string;
}

export interface Watchdog extends AsyncDisposable {
  readonly pid: number;
  /** Aborted, with why, when it took over or ended early: from then on the run has no lease. */
  readonly lost: AbortSignal;
  /** Resolves when it is not taking anything back. Whoever changes a process waits for that first, lest both do. */
  idle(): Promise<void>;
}

const readyWithinMs = 20_000;
const beatEveryMs = 1_000;
/** A watchdog that does not answer is no reason not to undo. */
const hearsWithinMs = 2_000;
const endsWithinMs = 2_000;
const compileCache = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

/**
 * Starts a watchdog; resolves when it watches.
 * @throws {SQUALL_PREFLIGHT} when it does not come up: nothing may be broken without it
 */
export async function startWatchdog({ main, orders, logFile }: WatchdogOptions): Promise<Watchdog> {
  const lost = new AbortController();
  const ready = Promise.withResolvers<void>();
  const heard = new Map<number, () => void>();
  let takingBack = Promise.withResolvers<void>();
  takingBack.resolve();
  let beats = 0;
  let isEnding = false;

  const child = forkInSession(main, logFile);
  const send = (message: ToWatchdog): void => {
    // One that is gone does not hear us; its end is told by "exit".
    if (child.connected) child.send(message, () => undefined);
  };
  const ended = new Promise<void>((resolve) => {
    const onEnd = (how: string): void => {
      if (!isEnding) lost.abort(new Error(`the watchdog ended early (${how})`));
      ready.reject(new Error(how));
      takingBack.resolve();
      resolve();
    };
    child.once("error", ({ message }) => onEnd(message));
    child.once("exit", (code, signal) => onEnd(signal ?? `exit code ${code}`));
  });
  child.on("message", (message: FromWatchdog) => {
    switch (message.kind) {
      case "ready":
        ready.resolve();
        break;
      case "heard":
        heard.get(message.beat)?.();
        heard.delete(message.beat);
        break;
      case "took-over":
        takingBack = Promise.withResolvers<void>();
        lost.abort(new Error(message.why));
        break;
      case "taken-back":
        takingBack.resolve();
        break;
    }
  });

  const stop = async (): Promise<void> => {
    isEnding = true;
    clearInterval(beating);
    send({ kind: "end" });
    const kill = setTimeout(() => child.kill("SIGKILL"), endsWithinMs);
    await ended;
    clearTimeout(kill);
  };
  const beat = (): number => {
    beats += 1;
    send({ kind: "beat", beat: beats });
    return beats;
  };
  send({ kind: "watch", orders });
  const beating = setInterval(beat, beatEveryMs);
  try {
    await within(readyWithinMs, ready.promise, () => {
      throw new Error(`not ready after ${readyWithinMs} ms`);
    });
  } catch (cause) {
    await stop();
    throw new SquallError(
      "SQUALL_PREFLIGHT",
      `the watchdog did not start, nothing was injected: ${String(cause)}`,
      { hint: `what it said is in ${logFile}`, cause },
    );
  }
  return {
    pid: child.pid ?? 0,
    lost: lost.signal,
    async idle() {
      const answered = Promise.withResolvers<void>();
      heard.set(beat(), answered.resolve);
      await within(hearsWithinMs, Promise.race([answered.promise, ended]));
      // It told that it took over before it answered.
      await within(takenBackWithinMs, takingBack.promise);
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** In a session of its own, so that what ends the engine's, or is pressed at its terminal, does not reach it. */
function forkInSession(main: URL, logFile: string): ChildProcess {
  const log = openSync(logFile, "a");
  try {
    return fork(main, {
      execArgv: ["--max-semi-space-size=2"],
      stdio: ["ignore", log, log, "ipc"],
      detached: true,
      env: { NODE_COMPILE_CACHE: compileCache, ...process.env },
    });
  } finally {
    closeSync(log);
  }
}

/** Waits for a promise, but not longer than this; then calls `otherwise`. */
async function within(
  durationMs: number,
  promise: Promise<void>,
  otherwise: () => void = () => undefined,
): Promise<void> {
  const settled = new AbortController();
  const late = systemClock.sleep(durationMs, settled.signal).then(otherwise, () => undefined);
  try {
    await Promise.race([promise, late]);
  } finally {
    settled.abort();
  }
}
