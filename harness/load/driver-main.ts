/**
 * The load driver's process: takes a plan from its parent, drives it, reports, and ends. It ends too when its parent
 * dies, with what it knows on disk.
 */
import { constants, setPriority } from "node:os";
import { pathToFileURL } from "node:url";
import { whenAborted } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { systemErrorCode } from "../base/errors.ts";
import { drive } from "./drive.ts";
import type { FromDriver, LoadPlan, ToDriver } from "./driver.ts";
import type { Journey } from "./journey.ts";

const stop = new AbortController();

const { promise: begun, resolve: begin } = Promise.withResolvers<number>();

process.on("message", (message: ToDriver) => {
  switch (message.kind) {
    case "plan":
      void run(message.plan);
      break;
    case "begin":
      begin(message.startAtMs);
      break;
    case "stop":
      stop.abort();
      break;
  }
});
/** The history is written every 100 ms; what is under way after this has nobody to tell. */
const orphanLivesMs = 500;

// The parent died, or has all it wanted: nobody is left to drive for.
process.on("disconnect", () => {
  stop.abort();
  setTimeout(() => process.exit(), orphanLivesMs).unref();
});
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());

raisePriority();
tell({ kind: "up" });

async function run(plan: LoadPlan): Promise<void> {
  try {
    const { journeys } = (await import(pathToFileURL(plan.journeysModule).href)) as {
      readonly journeys?: Readonly<Record<string, Journey>>;
    };
    const missing = Object.keys(plan.mix).filter((name) => typeof journeys?.[name] !== "function");
    if (journeys === undefined || missing.length > 0)
      throw new Error(`${plan.journeysModule} does not export journeys named ${missing.join(", ")}`);
    tell({ kind: "ready" });
    const startAtMs = await Promise.race([begun, whenAborted(stop.signal).then(() => systemClock.nowMs())]);
    const result = await drive(
      { ...plan, startAtMs },
      journeys,
      (progress) => tell({ kind: "progress", progress }),
      stop.signal,
    );
    tell({ kind: "result", result });
  } catch (error) {
    tell({
      kind: "failed",
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    process.exitCode = 1;
  }
  if (process.connected) process.disconnect();
}

function tell(message: FromDriver): void {
  if (process.connected) process.send?.(message);
}

/** Starts must be on time while the fleet keeps the machine busy. Without the right to it, we go on as we are. */
function raisePriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch (error) {
    if (systemErrorCode(error) !== "ERR_SYSTEM_ERROR") throw error;
  }
}
