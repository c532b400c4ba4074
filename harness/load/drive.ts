import { randomUUID } from "node:crypto";
import { whenAborted } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { createRandom } from "../base/random.ts";
import type { JourneyLine } from "../record/history.ts";
import { planArrivals, type Arrival } from "./arrivals.ts";
import { createClient } from "./http/client.ts";
import type { JourneyOutcome, LoadPlan, LoadProgress, LoadResult } from "./driver.ts";
import type { Journey } from "./journey.ts";
import { createLateness } from "./lateness.ts";
import { openRecorder } from "./recording/recorder.ts";
import { startClock } from "./start-clock.ts";
import { takeJourney } from "./taken-journey.ts";

export interface DriveOptions {
  readonly plan: LoadPlan;
  /** Zero of the schedule, epoch milliseconds. */
  readonly startAtMs: number;
  readonly journeys: Readonly<Record<string, Journey>>;
  /** Told four times a second, and once more at the end. */
  readonly onProgress: (progress: LoadProgress) => void;
  /** No further arrivals; journeys under way end by themselves, within {@link drainFactor} time-outs. */
  readonly stop: AbortSignal;
  /** Ends all that is under way at once. */
  readonly cut: AbortSignal;
}

const progressEveryMs = 250;
/** How long journeys may go on after the last arrival, in request time-outs. */
const drainFactor = 2;

/**
 * Drives a plan in this process: an open model, so each journey starts when the plan says, whatever became of those
 * before it. Resolves when every journey has ended and the history is in its file.
 * @throws {SQUALL_FILE} when the history cannot be written
 */
export async function drive(options: DriveOptions): Promise<LoadResult> {
  const { plan, startAtMs, journeys, onProgress, stop, cut } = options;
  const random = createRandom(plan.seed).fork("load");
  const arrivals = planArrivals(random.fork("arrivals"), plan.ratePerSecond, plan.durationMs, plan.mix);
  const intendedMsOf = ({ atMs }: Arrival): number => startAtMs + atMs;
  const over = new AbortController();
  const client = createClient(plan);
  const lateness = createLateness();
  const underWay = new Set<Promise<void>>();
  const sharedByCreator = new Map<() => unknown, unknown>();
  let started = 0;
  let intended = 0;
  let ended: JourneyOutcome[] = [];
  let arrivalsUntilMs: number | undefined;

  const failed = Promise.withResolvers<never>();
  const { historyFile, histogramsFile, seed, baseUrl, mix, timeoutMs, maxConnections } = plan;
  const begun = { driver: randomUUID(), startAtMs, seed, baseUrl, mix, timeoutMs, maxConnections };
  const recorder = openRecorder({ historyFile, histogramsFile, begun }, failed.reject);

  const shared = <T>(create: () => T): T => {
    if (!sharedByCreator.has(create)) sharedByCreator.set(create, create());
    return sharedByCreator.get(create) as T;
  };
  const end = (line: JourneyLine): void => {
    recorder.add(line);
    const { journey, arrival, completion, intendedMs, endedMs } = line;
    ended.push({ journey, arrival, completion, intendedMs, endedMs });
  };
  const start = (arrival: Arrival): void => {
    const intendedMs = intendedMsOf(arrival);
    const lateMs = systemClock.nowMs() - intendedMs;
    lateness.add(lateMs);
    recorder.start(intendedMs, lateMs);
    const taken = takeJourney({
      name: arrival.journey,
      journey: journeys[arrival.journey] as Journey,
      arrival: arrival.index,
      intendedMs,
      random: random.fork(`journey/${arrival.index}`),
      key: `${Math.round(startAtMs).toString(36)}-${arrival.index}`,
      shared,
      client,
      cut: over.signal,
      onOperation: recorder.add,
    })
      .then(end)
      .finally(() => underWay.delete(taken));
    underWay.add(taken);
  };
  const startDue = (count: number): void => {
    for (; started < count && !stop.aborted && !cut.aborted; started += 1)
      start(arrivals[started] as Arrival);
  };
  const report = (): void => {
    const nowMs = systemClock.nowMs();
    while (
      !stop.aborted &&
      intended < arrivals.length &&
      intendedMsOf(arrivals[intended] as Arrival) <= nowMs
    )
      intended += 1;
    intended = Math.max(intended, started);
    onProgress({
      atMs: nowMs,
      intended,
      started,
      underWay: underWay.size,
      ended,
      lateP99Ms: lateness.p99Ms(),
    });
    ended = [];
    const drivenMs = Math.max(0, (arrivalsUntilMs ?? nowMs) - startAtMs);
    recorder.progress({ atMs: nowMs, drivenMs, intended, started });
  };

  const cutOff = (): void => {
    over.abort();
    client.cut();
  };
  cut.addEventListener("abort", cutOff);
  const reporting = setInterval(report, progressEveryMs);
  let drain: NodeJS.Timeout | undefined;
  try {
    using clock = startClock(arrivals.map(intendedMsOf), startDue);
    await Promise.race([clock.done, whenAborted(stop), whenAborted(cut), failed.promise]);
    arrivalsUntilMs = stop.aborted || cut.aborted ? systemClock.nowMs() : startAtMs + plan.durationMs;
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
  return { intended, started, lateP99Ms: lateness.p99Ms(), lateMaxMs: lateness.maxMs() };
}
