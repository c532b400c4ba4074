/**
 * The load driver's process: takes a plan from its parent, drives it, reports, and ends. It ends at once when its parent
 * lets go of it or dies, with all that it knows in the history.
 */
import { pathToFileURL } from "node:url";
import { whenAborted } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { SquallError, messageOf } from "../base/errors.ts";
import { arrivalsOf, drive } from "./drive.ts";
import type { FromDriver, LoadPlan, ToDriver } from "./driver.ts";
import type { Journey } from "./journey.ts";
import { raisePriority } from "./priority.ts";
import { createStartClock } from "./start-clock.ts";
import { warmUp } from "./warm-up.ts";

const stop = new AbortController();
const cut = new AbortController();
const begun = Promise.withResolvers<number>();

process.on("message", (message: ToDriver) => {
  switch (message.kind) {
    case "plan":
      void run(message.plan);
      break;
    case "begin":
      begun.resolve(message.startAtMs);
      break;
    case "stop":
      stop.abort();
      break;
  }
});
process.on("disconnect", () => cut.abort());
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => cut.abort());

async function run(plan: LoadPlan): Promise<void> {
  let last: FromDriver;
  try {
    raisePriority();
    // After that, for its thread to be ahead as well; and first, for it to come up while modules are loaded.
    using clock = createStartClock();
    const journeys = await loadJourneys(plan);
    const arrivals = arrivalsOf(plan);
    await warmUp(clock);
    tell({ kind: "ready" });
    const neverBegun = Promise.race([whenAborted(stop.signal), whenAborted(cut.signal)]);
    const startAtMs = await Promise.race([begun.promise, neverBegun.then(() => systemClock.nowMs())]);
    const result = await drive({
      plan,
      startAtMs,
      journeys,
      arrivals,
      clock,
      onProgress: (progress) => tell({ kind: "progress", progress }),
      stop: stop.signal,
      cut: cut.signal,
    });
    last = { kind: "result", result };
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

/** @throws {SQUALL_FILE} when the module cannot be loaded @throws {SQUALL_PREFLIGHT} when it lacks a journey of the mix */
async function loadJourneys({ journeysModule, mix }: LoadPlan): Promise<Readonly<Record<string, Journey>>> {
  let module: { readonly journeys?: Readonly<Record<string, Journey>> };
  try {
    module = (await import(pathToFileURL(journeysModule).href)) as typeof module;
  } catch (error) {
    throw new SquallError(
      "SQUALL_FILE",
      `cannot load the journeys of ${journeysModule}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  const missing = Object.keys(mix).filter((name) => typeof module.journeys?.[name] !== "function");
  if (module.journeys === undefined || missing.length > 0)
    throw new SquallError(
      "SQUALL_PREFLIGHT",
      `${journeysModule} exports no journey "${missing.join('", "')}"`,
      {
        hint: "it exports `journeys`, an object of functions by name: see docs/journeys.md",
      },
    );
  return module.journeys;
}

/** Tells the parent, if it is still there; then calls `told`. */
function tell(message: FromDriver, told: () => void = () => undefined): void {
  if (process.connected) process.send?.(message, undefined, undefined, told);
  else told();
}
