import { systemClock } from "../base/clock.ts";
import { SquallError } from "../base/errors.ts";
import { describeArrivals } from "../experiment/arrivals.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { proxyApi } from "../faults/proxy-api.ts";
import { meanRatePerSecond, ratePerSecondAt, type ArrivalPlan } from "../load/arrivals/arrival-plan.ts";
import {
  startDriver,
  type JourneyOutcome,
  type LoadDriver,
  type LoadPlan,
  type LoadProgress,
} from "../load/driver.ts";
import type { JournalEvent } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { edgesOf, isStandby, mixOf, type Target } from "../target/target.ts";
import { collectStores, collectTraces, copyLogs, directSpans, scrapePhase } from "./collect.ts";
import { recordFaults } from "./fault-recording.ts";
import { openFaultSession } from "./fault-session.ts";
import { watchGuards, type GuardWatch } from "./guard-watch.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { createLiveReporter, type LiveState } from "./live-reporter.ts";
import { preflightChecks, requirePassed } from "./preflight.ts";
import type { Processes } from "./processes.ts";
import { durationOf, planTimeline, type Phase } from "./timeline.ts";

export interface ConductOptions {
  readonly experiment: Experiment;
  readonly target: Target;
  readonly fleet: Fleet;
  readonly folder: RunFolder;
  /** For faults that kill. */
  readonly processes: Processes | undefined;
  readonly seed: string;
  readonly interrupt: AbortSignal;
  readonly write: (event: JournalEvent) => void;
  readonly onLive: (state: LiveState) => void;
}

/** Time between telling the load driver to begin and its first possible arrival. */
const loadLeadMs = 300;
const loadStartsWithinMs = 20_000;

/**
 * Conducts a run on a fleet that is up: load, phases, faults, guards, and then the evidence, all into the run folder.
 * A guard or an interrupt ends the phases early; what was injected is undone before anything else happens.
 * @throws {SQUALL_PREFLIGHT} when the system was not fit to be broken; nothing was injected
 */
export async function conduct(options: ConductOptions): Promise<void> {
  const { experiment, target, fleet, folder, processes, interrupt, write, onLive } = options;
  const timeline = planTimeline({
    warmup: experiment.phases.warmupMs,
    baseline: experiment.phases.baselineMs,
    fault: experiment.phases.faultMs,
    recovery: experiment.phases.recoveryMs,
  });
  const journeysOf = (name: string): ReadonlySet<string> => new Set(Object.keys(mixOf(target, name) ?? {}));
  const proxy = proxyApi(fleet.proxyApi);
  const guardTripped = new AbortController();
  const ended = new AbortController();
  const halt = AbortSignal.any([interrupt, guardTripped.signal]);
  const baseline: JourneyOutcome[] = [];
  let phase: Phase | undefined;
  let guards: GuardWatch | undefined;
  let playing: Promise<void> | undefined;

  await using _logs = copyLogs(fleet, folder);
  await using _spans = await directSpans(fleet, folder);
  await using heartbeat = startHeartbeat(proxy);
  const faults = openFaultSession({ folder, faults: experiment.faults, proxy, heartbeat, processes, write });
  using recording = await recordFaults({
    proxyApi: fleet.proxyApi,
    file: folder.faults,
    planned: faults.planned,
  });
  const arrivals: ArrivalPlan = { ...experiment.load.arrivals, durationMs: durationOf(timeline) };
  const rateAt = (elapsedMs: number): number | undefined => ratePerSecondAt(arrivals, elapsedMs);
  const live = createLiveReporter({ rateAt, activeFaults: () => faults.active, onLive });
  await using driver = await startLoad(
    {
      journeysModule: target.journeys.module,
      mix: mixOf(target, experiment.load.journey) ?? {},
      arrivals,
      seed: options.seed,
      baseUrl: fleet.entry,
      historyFile: folder.history,
      histogramsFile: folder.histograms,
      maxConnections: experiment.load.maxConnections,
      timeoutMs: experiment.load.timeoutMs,
    },
    onProgress,
    interrupt,
  );
  const zeroMs = systemClock.nowMs() + loadLeadMs;
  driver.begin(zeroMs);
  write({
    event: "load-started",
    journey: experiment.load.journey,
    ratePerSecond: meanRatePerSecond(arrivals),
    arrivals: describeArrivals(arrivals),
    zeroMs,
  });

  try {
    await Promise.race([takePhases(), rejectionOf(driver.done)]);
  } catch (error) {
    if (!halt.aborted) throw error;
    if (interrupt.aborted) write({ event: "interrupted", signal: String(interrupt.reason) });
  } finally {
    ended.abort();
    await playing?.catch(() => undefined); // told already; now nothing is put in place any more
    await faults.undoAll(interrupt.aborted ? "interrupt" : halt.aborted ? "guard" : "error");
  }
  const load = await driver.stop();
  const { problem: _problem, ...figures } = load.health; // the judge says it, from the figures
  write({ event: "load-ended", intended: load.intended, started: load.started, ...figures });

  onLive({ phase: "settling", message: "waiting until the stores agree" });
  write({ event: "settled", ...(await collectStores({ experiment, target, fleet, folder, interrupt })) });
  const recorded = await recording.settle(faults.injected);
  write({ event: "collected", detail: `${await collectTraces(fleet)}, ${recorded}` });

  async function takePhases(): Promise<void> {
    await systemClock.sleep(zeroMs - systemClock.nowMs(), halt);
    let before = await proxy.evidence();
    for (const next of timeline) {
      if (next.phase === "baseline") before = await proxy.evidence();
      if (next.phase === "fault") {
        const checks = preflightChecks(experiment, {
          before,
          after: await proxy.evidence(),
          baseline,
          standby: edgesOf(target).filter(({ caller, callee }) => isStandby(target, caller, callee)),
          journeysOf,
        });
        checks.forEach(write);
        requirePassed(checks);
      }
      write({ event: "phase-started", phase: next.phase });
      phase = next;
      live.enter(next, zeroMs);
      if (next.phase === "fault") {
        const startMs = systemClock.nowMs();
        guards = watchGuards(experiment.guards, journeysOf, startMs);
        playing = faults.play(startMs, AbortSignal.any([halt, ended.signal]));
        await playing;
      }
      await systemClock.sleep(zeroMs + next.endMs - systemClock.nowMs(), halt);
      if (next.phase === "fault") await faults.undoAll("plan");
      await scrapePhase(fleet, folder, next.phase);
    }
  }

  function onProgress(progress: LoadProgress): void {
    if (phase?.phase === "baseline") baseline.push(...progress.ended);
    live.report(progress);
    const tripped = halt.aborted ? undefined : guards?.observe(progress.ended, progress.atMs);
    if (!tripped) return;
    write({ event: "guard-tripped", ...tripped });
    guardTripped.abort(new Error(tripped.detail));
  }
}

/** Starts the load driver, unless the run is interrupted first. @throws {SQUALL_TIMEOUT} when it does not come up */
async function startLoad(
  plan: LoadPlan,
  onProgress: (progress: LoadProgress) => void,
  interrupt: AbortSignal,
): Promise<LoadDriver> {
  const starting = new AbortController();
  const giveUp = (): void => starting.abort(interrupt.reason);
  interrupt.addEventListener("abort", giveUp, { once: true });
  const deadline = setTimeout(() => {
    starting.abort(
      new SquallError("SQUALL_TIMEOUT", `the load driver was not ready after ${loadStartsWithinMs} ms`),
    );
  }, loadStartsWithinMs);
  try {
    return await startDriver(plan, onProgress, starting.signal);
  } finally {
    clearTimeout(deadline);
    interrupt.removeEventListener("abort", giveUp);
  }
}

/** Never resolves; rejects when `promise` does. */
function rejectionOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    promise.catch(reject);
  });
}
