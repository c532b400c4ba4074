import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { describeArrivals } from "../experiment/arrivals.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { isEdgeFault } from "../experiment/fault.ts";
import type { ProxyApi } from "../faults/proxy-api.ts";
import { meanRatePerSecond, ratePerSecondAt, type ArrivalPlan } from "../load/arrivals/arrival-plan.ts";
import type { JourneyOutcome, JourneyProgress, LoadResult } from "../load/driver.ts";
import type { K6Result } from "../load/k6/k6-driver.ts";
import type { K6Program } from "../load/k6/k6-program.ts";
import type { JournalEvent } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Fleet, Runtime } from "../runtimes/runtime.ts";
import { edgesOf, isStandby, type Target } from "../target/target.ts";
import type { Window } from "../traces/edge-figures.ts";
import type { Address } from "../base/address.ts";
import { collectStores } from "./collect.ts";
import type { Deeds } from "./deeds.ts";
import { openFaultSession } from "./fault-session.ts";
import { watchGuards, type GuardWatch, type Tripped } from "./guard-watch.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { journeysNamed } from "./journeys-named.ts";
import { createLiveReporter, type LiveState } from "./live-reporter.ts";
import { preflightChecks } from "./preflight.ts";
import { requireChangeable } from "./processes.ts";
import { startLoad } from "./start-load.ts";
import { durationOf, planTimeline, type Phase } from "./timeline.ts";
import type { Watchdog } from "./watchdog.ts";

export interface ConductOptions {
  readonly deeds: Deeds;
  readonly experiment: Experiment;
  readonly target: Target;
  readonly fleet: Fleet;
  /** The fleet's. */
  readonly proxy: ProxyApi;
  readonly folder: RunFolder;
  readonly runtime: Runtime;
  /** The module that the watchdog's process runs; faults of edges need none whose proxy has leases. */
  readonly watchdog: URL;
  /** For a load that k6 makes. */
  readonly k6: K6Program | undefined;
  /** URL of another OTLP endpoint's traces, which spans are passed on to. @default nowhere */
  readonly forward?: string | undefined;
  readonly seed: string;
  readonly interrupt: AbortSignal;
  /** Where the harness' own metrics are shown while the run goes on. @default nowhere */
  readonly metricsListen?: Address | undefined;
  readonly write: (event: JournalEvent) => void;
  readonly onLive: (state: LiveState) => void;
}

/** Time between telling the load driver to begin and its first possible arrival. */
const loadLeadMs = 300;

/**
 * Conducts a run on a fleet that is up: load, phases, faults, guards, and then the evidence, all into the run folder.
 * A guard or an interrupt ends the phases early; what was injected is undone before anything else happens.
 * @throws {SQUALL_PREFLIGHT} when the system was not fit to be broken; nothing was injected
 * @throws {SQUALL_UNSUPPORTED} when a process cannot be changed as the experiment wants; nothing was injected
 * @throws {SQUALL_PREFLIGHT} when faults that no proxy has a lease of need a watchdog, and it does not come up; nothing was injected
 * @throws {SQUALL_PORT_IN_USE} when metrics shall be shown on a port that is taken; nothing was injected
 */
export async function conduct(options: ConductOptions): Promise<void> {
  const { deeds, experiment, target, runtime, fleet, proxy, folder, k6, seed, interrupt, onLive } = options;
  const { clock } = deeds;
  const timeline = planTimeline({
    warmup: experiment.phases.warmupMs,
    baseline: experiment.phases.baselineMs,
    fault: experiment.phases.faultMs,
    recovery: experiment.phases.recoveryMs,
  });
  const journeysOf = journeysNamed(experiment, target);
  const guardTripped = new AbortController();
  const ended = new AbortController();
  const baseline: JourneyOutcome[] = [];
  let phase: Phase | undefined;
  let guards: GuardWatch | undefined;
  let playing: Promise<void> | undefined;

  await using logs = await deeds.keepLogs(fleet, folder);
  await using spans = await deeds.directSpans(fleet, folder);
  const receipt = await deeds.openSpanReceipt(fleet);
  await using forwarding = await deeds.forwardSpans(fleet, options.forward);
  await using heartbeat = startHeartbeat(proxy, clock);
  const processes = { runtime, target };
  await requireChangeable(processes, experiment.faults);
  await using watchdog = await watchdogFor(options);
  const lost = watchdog?.lost ?? never;
  const halt = AbortSignal.any([interrupt, guardTripped.signal, lost]);
  const faults = openFaultSession({
    folder,
    faults: experiment.faults,
    proxy,
    heartbeat,
    processes,
    watchdog,
    write,
    clock,
  });
  await using metrics = await deeds.recordRunMetrics({
    experiment,
    planned: faults.planned,
    fleet,
    folder,
    listen: options.metricsListen,
  });
  const ends: string[] = [];
  using _ends = await fleet.watchEnds?.(({ name, part, atMs, by, detail }) => {
    ends.push(`${name}: ${detail}`);
    write({ event: "process-ended", process: name, part, endedAtMs: atMs, by, detail });
  });
  using recording = await deeds.recordFaults({ proxy, file: folder.faults, planned: faults.planned });
  const arrivals: ArrivalPlan = { ...experiment.load.arrivals, durationMs: durationOf(timeline) };
  const rateAt = (elapsedMs: number): number | undefined => ratePerSecondAt(arrivals, elapsedMs);
  const live = createLiveReporter({ rateAt, activeFaults: () => faults.active, onLive });
  await using driver = await startLoad({
    experiment,
    target,
    fleet,
    folder,
    seed,
    arrivals,
    k6,
    onProgress,
    interrupt,
    drivers: deeds,
  });
  const zeroMs = clock.nowMs() + loadLeadMs;
  driver.begin(zeroMs);
  write({
    event: "load-started",
    journey: experiment.load.journey,
    ratePerSecond: meanRatePerSecond(arrivals),
    arrivals: describeArrivals(arrivals),
    zeroMs,
  });
  void driver.done.then(
    (load) => "k6" in load && onScriptAbort(load.k6.abortedBy),
    () => undefined, // its end in error is told below
  );

  try {
    await Promise.race([takePhases(), rejectionOf(driver.done)]);
  } catch (error) {
    if (!halt.aborted) throw error;
    if (interrupt.aborted) write({ event: "interrupted", signal: String(interrupt.reason) });
    if (lost.aborted) write({ event: "lease-lost", why: messageOf(lost.reason) });
  } finally {
    ended.abort();
    await playing?.catch(() => undefined); // told already; now nothing is put in place any more
    await faults.undoAll(interrupt.aborted ? "interrupt" : guardTripped.signal.aborted ? "guard" : "error");
    await watchdog?.[Symbol.asyncDispose](); // nothing is left to watch over
  }
  const load = await driver.stop();
  const { intended, started } = load;
  write({ event: "load-ended", intended, started, ...figuresOf(load) });

  onLive({ phase: "settling", message: "waiting until the stores agree" });
  write({
    event: "settled",
    ...(await collectStores({ experiment, target, fleet, folder, interrupt, clock, stores: deeds })),
  });
  const recorded = await recording.settle(faults.injected);
  const { detail, unsent } = await deeds.collectTraces(fleet);
  const told = [
    detail,
    ...(await spans.settle()),
    ...(await receipt.told()),
    ...(await logs.settle()),
    recorded,
    metrics.told(),
    await forwarding.end(),
  ];
  write({
    event: "collected",
    detail: told.filter((part) => part !== undefined).join(", "),
    ...(unsent.length > 0 && { unsent: [...unsent] }),
  });

  async function takePhases(): Promise<void> {
    await clock.sleep(zeroMs - clock.nowMs(), halt);
    let before = await proxy.evidence();
    for (const next of timeline) {
      if (next.phase === "baseline") before = await proxy.evidence();
      if (next.phase === "fault") {
        const checks = preflightChecks(experiment, {
          before,
          after: await proxy.evidence(),
          baseline,
          ends,
          standby: edgesOf(target).filter(({ caller, callee }) => isStandby(target, caller, callee)),
          journeysOf,
          ...(proxy.counts ? {} : { crossings: deeds.edgeCrossings(fleet, folder, baselineUntilNow()) }),
        });
        checks.forEach(write);
        deeds.requirePassed(checks);
      }
      write({ event: "phase-started", phase: next.phase });
      phase = next;
      live.enter(next, zeroMs);
      if (next.phase === "fault") {
        const startMs = clock.nowMs();
        guards = watchGuards(experiment.guards, journeysOf, startMs);
        playing = faults.play(startMs, AbortSignal.any([halt, ended.signal]));
        await playing;
      }
      await clock.sleep(zeroMs + next.endMs - clock.nowMs(), halt);
      if (next.phase === "fault") await faults.undoAll("plan");
    }
  }

  function baselineUntilNow(): Window {
    const baselineMs = timeline.find(({ phase }) => phase === "baseline")?.startMs ?? 0;
    return { startMs: zeroMs + baselineMs, endMs: clock.nowMs() };
  }

  /** On disk first; then those who show it. */
  function write(event: JournalEvent): void {
    options.write(event);
    metrics.takeEvent(event);
  }

  function onProgress(progress: JourneyProgress): void {
    if (phase?.phase === "baseline") baseline.push(...progress.ended);
    live.report(progress);
    metrics.takeProgress(progress);
    const tripped = halt.aborted ? undefined : guards?.observe(progress.ended, progress.atMs);
    if (tripped) trip(tripped);
  }

  /** A script that stops itself has guards of its own. */
  function onScriptAbort(why: string | undefined): void {
    if (why !== undefined && !halt.aborted) trip({ guard: "the k6 script stopped the run", detail: why });
  }

  function trip(tripped: Tripped): void {
    write({ event: "guard-tripped", ...tripped });
    guardTripped.abort(new Error(tripped.detail));
  }
}

const never = new AbortController().signal;

/** Faults of edges have the proxy's lease, where it has leases. */
async function watchdogFor({
  deeds,
  experiment,
  target,
  proxy,
  runtime,
  watchdog,
  folder,
  write,
}: ConductOptions): Promise<Watchdog | undefined> {
  if (experiment.faults.every((fault) => isEdgeFault(fault) && proxy.endsByLease)) return undefined;
  const { document, file } = target;
  const started = await deeds.startWatchdog({
    main: watchdog,
    orders: { runtime: runtime.name, target: { document, file }, journal: folder.journal },
    logFile: join(folder.logs, "squall-watchdog.jsonl"),
  });
  write({ event: "watchdog-started", pid: started.pid });
  return started;
}

/** What a driver tells of itself; of what its problem is, the judge makes its own mind up. */
function figuresOf(load: LoadResult | K6Result): Partial<Extract<JournalEvent, { event: "load-ended" }>> {
  if ("k6" in load) return { k6: load.k6 };
  const { problem: _problem, ...figures } = load.health;
  return figures;
}

/** Never resolves; rejects when `promise` does. */
function rejectionOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    promise.catch(reject);
  });
}
