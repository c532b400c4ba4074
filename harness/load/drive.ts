import { randomBytes, randomUUID } from "node:crypto";
import { whenAborted } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { createRandom, type Random } from "../base/random.ts";
import type { JourneyLine, OperationLine } from "../record/history.ts";
import { totalDurationMs } from "./arrivals/arrival-plan.ts";
import { planArrivals, type Arrival } from "./arrivals/plan-arrivals.ts";
import type { DriverNews, JourneyOutcome, LoadPlan, LoadResult } from "./driver.ts";
import { keepHighlights } from "./highlights.ts";
import { createClient } from "./http/client.ts";
import type { Journey } from "./journey.ts";
import { createKeep } from "./keep.ts";
import { Line } from "./line.ts";
import { openRecorder } from "./recording/recorder.ts";
import { createTally } from "./recording/tally.ts";
import { watchDriver } from "./self-check.ts";
import type { StartClock } from "./start-clock.ts";
import { createStepCounter } from "./step-counts.ts";
import { takeJourney } from "./taken-journey.ts";
import { createTraceIds } from "./trace-ids.ts";
import { createVirtualUsers } from "./virtual-users.ts";

export interface DriveOptions {
  readonly plan: LoadPlan;
  /** Zero of the schedule, epoch milliseconds. */
  readonly startAtMs: number;
  readonly journeys: Readonly<Record<string, Journey>>;
  /** As {@link arrivalsOf} the plan gives them. */
  readonly arrivals: Iterable<Arrival>;
  /** Says when; has no other schedule meanwhile. */
  readonly clock: StartClock;
  /** Told how the load goes four times a second, and once more at the end; of journeys that ended, a few at a time. */
  readonly onNews: (news: DriverNews) => void;
  /** No further arrivals; journeys under way end by themselves, within {@link drainFactor} time-outs. */
  readonly stop: AbortSignal;
  /** Ends all that is under way at once. */
  readonly cut: AbortSignal;
}

const progressEveryMs = 250;
/** So many outcomes are told at once: those of a quarter of a second, at 10,000/s, kept starts waiting for 3 ms. */
const outcomesAtOnce = 64;
/** How long journeys may go on after the last arrival, in request time-outs. */
const drainFactor = 2;

/**
 * Drives a plan in this process: an open model, so each journey starts when the plan says, whatever became of those
 * before it. Resolves when every journey has ended and the history is in its file.
 * @throws {SQUALL_FILE} when the history cannot be written
 */
export async function drive(options: DriveOptions): Promise<Omit<LoadResult, "stray">> {
  const { plan, startAtMs, journeys, arrivals, clock, onNews, stop, cut } = options;
  const random = randomOf(plan);
  const intendedMsOf = ({ atMs }: Arrival): number => startAtMs + atMs;
  const cuts = new Line<() => void>();
  const client = createClient(plan);
  const run = plan.run ?? drawRun();
  using self = watchDriver();
  const underWay = new Line<Promise<void>>();
  const users = createVirtualUsers(plan.users ?? { kind: "as-needed" }, random.fork("users"));
  const shared = createKeep();
  const highlights = keepHighlights();
  let started = 0;
  /** Not told yet. */
  let ended: JourneyOutcome[] = [];
  /** Since the last progress. */
  let operations = createTally();
  const steps = createStepCounter();
  let arrivalsUntilMs: number | undefined;

  const failed = Promise.withResolvers<never>();
  const { historyFile, histogramsFile, seed, baseUrl, mix, timeoutMs, maxConnections } = plan;
  const begun = { driver: randomUUID(), startAtMs, seed, baseUrl, mix, timeoutMs, maxConnections };
  const recorder = openRecorder({ historyFile, histogramsFile, begun }, failed.reject);

  const onOperation = (line: OperationLine): void => {
    recorder.add(line);
    highlights.add(line);
    operations.add(line);
    steps.add(line);
  };
  const end = (line: JourneyLine): void => {
    recorder.add(line);
    highlights.add(line);
    const { journey, arrival, completion, intendedMs, endedMs, error } = line;
    const errorKind = error === undefined ? {} : { errorKind: error.kind };
    ended.push({ journey, arrival, completion, intendedMs, endedMs, ...errorKind });
    if (ended.length === outcomesAtOnce) tellEnded();
  };
  const tellEnded = (): void => {
    onNews({ kind: "ended", outcomes: ended });
    ended = [];
  };
  const start = (arrival: Arrival): void => {
    if (stop.aborted || cut.aborted) return;
    started += 1;
    const intendedMs = intendedMsOf(arrival);
    const nowMs = systemClock.nowMs();
    self.started(nowMs - intendedMs);
    recorder.start(intendedMs, nowMs - intendedMs);
    const user = users.take();
    if (user === undefined) return end(withoutUser(arrival, intendedMs, nowMs, users.count));
    const own = random.fork(`journey/${arrival.index}`);
    const taken = takeJourney({
      name: arrival.journey,
      journey: journeys[arrival.journey] as Journey,
      arrival: arrival.index,
      intendedMs,
      random: own,
      key: `${run}-${arrival.index}`,
      traceIds: createTraceIds(run, own.fork("trace")),
      user,
      shared,
      client,
      cuts,
      onOperation,
    })
      .then(end)
      .finally(() => {
        users.release(user);
        underWay.leave(place);
      });
    const place = underWay.join(taken);
  };
  const report = (): void => {
    const nowMs = systemClock.nowMs();
    const intended = schedule.come;
    const health = self.health();
    tellEnded();
    onNews({
      kind: "progress",
      atMs: nowMs,
      intended,
      started,
      underWay: underWay.length,
      users: users.count,
      steps: steps.take(),
      operations: operations.toJSON(),
      health,
    });
    operations = createTally();
    const drivenMs = Math.max(0, (arrivalsUntilMs ?? nowMs) - startAtMs);
    recorder.progress({ atMs: nowMs, drivenMs, intended, started, health });
  };

  const cutOff = (): void => {
    for (const cutJourney of cuts) cutJourney();
    client.cut();
  };
  cut.addEventListener("abort", cutOff);
  using schedule = clock.schedule(arrivals, intendedMsOf, start);
  const reporting = setInterval(report, progressEveryMs);
  let drain: NodeJS.Timeout | undefined;
  try {
    await Promise.race([schedule.done, whenAborted(stop), whenAborted(cut), failed.promise]);
    arrivalsUntilMs =
      stop.aborted || cut.aborted ? systemClock.nowMs() : startAtMs + totalDurationMs(plan.arrivals);
    schedule[Symbol.dispose]();
    drain = setTimeout(cutOff, drainFactor * plan.timeoutMs);
    await Promise.race([Promise.all(underWay), failed.promise]);
  } finally {
    clearTimeout(drain);
    clearInterval(reporting);
    cut.removeEventListener("abort", cutOff);
    report();
    await client.close();
    await recorder.close();
  }
  return {
    intended: schedule.come,
    started,
    health: self.health(),
    users: users.count,
    highlights: highlights.highlights(),
  };
}

/** The line of a journey that nobody was there to take: all users busy, and there may be no more. */
function withoutUser(arrival: Arrival, intendedMs: number, endedMs: number, users: number): JourneyLine {
  return {
    kind: "journey",
    arrival: arrival.index,
    journey: arrival.journey,
    intendedMs,
    endedMs,
    completion: "fail",
    error: { kind: "not-sent", message: `all ${users} virtual users were busy` },
    operations: 0,
  };
}

/** All that will start, as {@link planArrivals}. */
export function arrivalsOf(plan: LoadPlan): Iterable<Arrival> {
  return planArrivals(randomOf(plan).fork("arrivals"), plan.arrivals, plan.mix);
}

function randomOf({ seed }: LoadPlan): Random {
  return createRandom(seed).fork("load");
}

/** What sets this run apart: see {@link LoadPlan.run}. */
function drawRun(): string {
  return randomBytes(6).toString("hex");
}
