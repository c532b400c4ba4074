/** The load driver's process: takes a plan from its parent, drives it, reports, and ends. */
import { messageOf } from "../base/errors.ts";
import { isFast } from "./arrivals/arrival-plan.ts";
import { arrivalsOf, drive } from "./drive.ts";
import { serveDriver } from "./driver-child.ts";
import type { DriverNews, LoadPlan, LoadResult } from "./driver.ts";
import { loadJourneys } from "./journeys-module.ts";
import { raisePriority } from "./priority.ts";
import { createStartClock } from "./start-clock.ts";
import { JourneyEnded } from "./taken-journey.ts";
import { warmUp } from "./warm-up.ts";

/** Errors of promises that no journey awaits. A run must not die of one, nor may it be lost. */
const stray = new Map<string, number>();
const mostStray = 100;
process.on("unhandledRejection", (reason) => {
  // Of a journey that its line tells the end of.
  if (reason instanceof JourneyEnded) return;
  const message = messageOf(reason);
  const kept = stray.has(message) || stray.size < mostStray ? message : "others";
  stray.set(kept, (stray.get(kept) ?? 0) + 1);
});

serveDriver<LoadPlan, DriverNews, LoadResult>(async (asked, parent) => {
  raisePriority();
  // After that, for its thread to be ahead as well; and first, for it to come up while modules are loaded.
  using clock = createStartClock();
  const { journeys, plan } = await loadJourneys(asked);
  const arrivals = arrivalsOf(plan);
  await warmUp(clock, isFast(plan.arrivals));
  const startAtMs = await parent.begun();
  const { onProgress: onNews, stop, cut } = parent;
  const result = await drive({ plan, startAtMs, journeys, arrivals, clock, onNews, stop, cut });
  return { ...result, stray: Array.from(stray, ([message, count]) => ({ message, count })) };
});
