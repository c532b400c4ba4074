import { Pool } from "undici";
import { whenAborted } from "../base/abort.ts";
import { systemClock } from "../base/clock.ts";
import { openJsonl } from "../base/jsonl.ts";
import { createRandom } from "../base/random.ts";
import type { HistoryLine, JourneyLine } from "../record/history.ts";
import { summarizeLatency } from "../stats/latency-summary.ts";
import { planArrivals, type Arrival } from "./arrivals.ts";
import type { JourneyOutcome, LoadPlan, LoadProgress, LoadResult } from "./driver.ts";
import type { Journey } from "./journey.ts";
import { takeJourney } from "./session.ts";
import { startClock } from "./start-clock.ts";

const progressEveryMs = 250;
const flushEveryMs = 100;
/** Journeys under way, as a multiple of the connections, beyond which an arrival is not sent. */
const queueFactor = 4;

/** Drives a plan in this process. Resolves when every journey has ended. */
export async function drive(
  plan: LoadPlan & { readonly startAtMs: number },
  journeys: Readonly<Record<string, Journey>>,
  onProgress: (progress: LoadProgress) => void,
  stop: AbortSignal,
): Promise<LoadResult> {
  const random = createRandom(plan.seed).fork("load");
  const arrivals = planArrivals(random.fork("arrivals"), plan.ratePerSecond, plan.durationMs, plan.mix);
  const pool = new Pool(plan.baseUrl, {
    connections: plan.maxConnections,
    pipelining: 1,
    keepAliveTimeout: 60_000,
  });
  const history = bufferedHistory(plan.historyFile);
  const data = new Map<string, unknown>();
  const latenessMs: number[] = [];
  const underWay = new Set<Promise<void>>();
  let intended = 0;
  let ended: JourneyOutcome[] = [];

  const finish = (line: JourneyLine): void => {
    history.add(line);
    const { journey, arrival, completion, intendedMs, endedMs } = line;
    ended.push({ journey, arrival, completion, intendedMs, endedMs });
  };
  const start = (arrival: Arrival): void => {
    const intendedMs = plan.startAtMs + arrival.atMs;
    if (underWay.size >= plan.maxConnections * queueFactor) {
      const nowMs = systemClock.nowMs();
      finish({
        kind: "journey",
        arrival: arrival.index,
        journey: arrival.journey,
        intendedMs,
        endedMs: nowMs,
        completion: "fail",
        error: { kind: "not-sent", message: `${underWay.size} journeys were under way` },
        operations: 0,
      });
      return;
    }
    latenessMs.push(Math.max(0, systemClock.nowMs() - intendedMs));
    const taken = takeJourney({
      arrival,
      journey: journeys[arrival.journey] as Journey,
      intendedMs,
      random: random.fork(`journey/${arrival.index}`),
      data,
      dispatcher: pool,
      origin: plan.baseUrl,
      timeoutMs: plan.timeoutMs,
      baggage: `squall.journey=${arrival.journey}`,
      run: Math.round(plan.startAtMs).toString(36),
      record: history.add,
    }).then((line) => {
      finish(line);
      underWay.delete(taken);
    });
    underWay.add(taken);
  };

  using clock = startClock(
    Float64Array.from(arrivals, ({ atMs }) => plan.startAtMs + atMs),
    (count) => {
      if (stop.aborted) return;
      for (; intended < count; intended += 1) start(arrivals[intended] as Arrival);
    },
  );
  const report = (): void => {
    onProgress({
      atMs: systemClock.nowMs(),
      intended,
      started: latenessMs.length,
      underWay: underWay.size,
      ended,
      lateP99Ms: lateP99(latenessMs),
    });
    ended = [];
  };
  const reporting = setInterval(report, progressEveryMs);
  try {
    await Promise.race([clock.done, whenAborted(stop)]);
    await Promise.all(underWay);
  } finally {
    clearInterval(reporting);
    report();
    history.close();
    await pool.destroy();
  }
  return {
    intended,
    started: latenessMs.length,
    lateP99Ms: lateP99(latenessMs),
    lateMaxMs: latenessMs.length === 0 ? 0 : summarizeLatency(latenessMs).maxMs,
  };
}

/** Lines are written together ten times a second: a crash loses at most the last 100 ms. */
function bufferedHistory(file: string): { readonly add: (line: HistoryLine) => void; close(): void } {
  const writer = openJsonl<HistoryLine>(file);
  let buffered: HistoryLine[] = [];
  const flush = (): void => {
    writer.appendAll(buffered);
    buffered = [];
  };
  const flushing = setInterval(flush, flushEveryMs);
  return {
    add: (line) => void buffered.push(line),
    close() {
      clearInterval(flushing);
      flush();
      writer.close();
    },
  };
}

function lateP99(latenessMs: readonly number[]): number {
  return latenessMs.length === 0 ? 0 : summarizeLatency(latenessMs).p99Ms;
}
