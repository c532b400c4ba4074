/**
 * The load driver's process: takes a plan from its parent, drives it, reports, and ends. It ends too when its parent
 * dies, with what it knows on disk.
 */
import { constants, setPriority } from "node:os";
import { pathToFileURL } from "node:url";
import { systemErrorCode } from "../base/errors.ts";
import { drive } from "./drive.ts";
import type { FromDriver, LoadPlan } from "./driver.ts";
import type { Journey } from "./journey.ts";

const stop = new AbortController();

process.on(
  "message",
  (message: { readonly kind: "plan"; readonly plan: LoadPlan } | { readonly kind: "stop" }) => {
    if (message.kind === "stop") stop.abort();
    else void run(message.plan);
  },
);
// The parent died or let go of us: nobody is left to drive for.
process.on("disconnect", () => stop.abort());
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());

raisePriority();
tell({ kind: "ready" });

async function run(plan: LoadPlan): Promise<void> {
  try {
    const { journeys } = (await import(pathToFileURL(plan.journeysModule).href)) as {
      readonly journeys?: Readonly<Record<string, Journey>>;
    };
    const missing = Object.keys(plan.mix).filter((name) => typeof journeys?.[name] !== "function");
    if (journeys === undefined || missing.length > 0)
      throw new Error(`${plan.journeysModule} does not export journeys named ${missing.join(", ")}`);
    const result = await drive(
      plan,
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
