/** The load driver's process: takes a plan from its parent, drives it, reports, and ends. */
import { pathToFileURL } from "node:url";
import { SquallError, messageOf } from "../base/errors.ts";
import { arrivalsOf, drive } from "./drive.ts";
import { serveDriver } from "./driver-child.ts";
import type { LoadPlan, LoadProgress, LoadResult } from "./driver.ts";
import type { Journey } from "./journey.ts";
import { raisePriority } from "./priority.ts";
import { createStartClock } from "./start-clock.ts";
import { warmUp } from "./warm-up.ts";

serveDriver<LoadPlan, LoadProgress, LoadResult>(async (plan, { begun, onProgress, stop, cut }) => {
  raisePriority();
  // After that, for its thread to be ahead as well; and first, for it to come up while modules are loaded.
  using clock = createStartClock();
  const journeys = await loadJourneys(plan);
  const arrivals = arrivalsOf(plan);
  await warmUp(clock);
  const startAtMs = await begun();
  return await drive({ plan, startAtMs, journeys, arrivals, clock, onProgress, stop, cut });
});

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
