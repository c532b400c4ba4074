import { whenAborted } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { SquallError } from "../base/errors.ts";
import type { FromDriver, ToDriver } from "./driver-process.ts";

/** What a driver's process hears from its parent, and tells it. */
export interface DriverParent<Progress> {
  /**
   * Tells the parent that all is prepared and waits for its word to begin.
   * @returns zero of the schedule, epoch milliseconds; the present where the load is over before it began
   */
  readonly begun: () => Promise<number>;
  readonly onProgress: (progress: Progress) => void;
  /** No further arrivals; what is under way may end by itself. */
  readonly stop: AbortSignal;
  /** Aborted when the parent lets go of the process or dies, and by a signal, or when the parent says so: end at once. */
  readonly cut: AbortSignal;
}

/**
 * Takes a plan from the parent, drives it, reports the result or the error, and ends the process. When the parent lets
 * go or dies, the process ends with all that it knows in the history.
 */
export function serveDriver<Plan, Progress, Result>(
  drive: (plan: Plan, parent: DriverParent<Progress>) => Promise<Result>,
): void {
  const stop = new AbortController();
  const cut = new AbortController();
  const begin = Promise.withResolvers<number>();
  const tell = tellParent<Progress, Result>;
  const parent: DriverParent<Progress> = {
    async begun() {
      tell({ kind: "ready" });
      const neverBegun = Promise.race([whenAborted(stop.signal), whenAborted(cut.signal)]);
      return Promise.race([begin.promise, neverBegun.then(() => systemClock.nowMs())]);
    },
    onProgress: (progress) => tell({ kind: "progress", progress }),
    stop: stop.signal,
    cut: cut.signal,
  };

  process.on("message", (message: ToDriver<Plan>) => {
    switch (message.kind) {
      case "plan":
        void run(message.plan);
        break;
      case "begin":
        begin.resolve(message.startAtMs);
        break;
      case "stop":
        stop.abort();
        break;
      case "cut":
        cut.abort();
        break;
    }
  });
  process.on("disconnect", () => cut.abort());
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => cut.abort());

  async function run(plan: Plan): Promise<void> {
    let last: FromDriver<Progress, Result>;
    try {
      last = { kind: "result", result: await drive(plan, parent) };
    } catch (error) {
      last =
        error instanceof SquallError
          ? { kind: "failed", code: error.code, message: error.message, hint: error.hint }
          : {
              kind: "failed",
              message: error instanceof Error ? (error.stack ?? error.message) : String(error),
            };
    }
    tell(last, () => process.exit(last.kind === "failed" ? 1 : 0));
  }
}

/** Tells the parent, if it is still there; then calls `told`. */
function tellParent<Progress, Result>(
  message: FromDriver<Progress, Result>,
  told: () => void = () => undefined,
): void {
  if (process.connected) process.send?.(message, undefined, undefined, told);
  else told();
}
