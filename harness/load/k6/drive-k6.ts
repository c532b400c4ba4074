import { createWriteStream, existsSync, readFileSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { whenAborted } from "../../base/abort.ts";
import { SquallError } from "../../base/errors.ts";
import { jsonIn } from "../../base/json.ts";
import type { K6Outcome, K6Threshold } from "../../record/k6-outcome.ts";
import type { DriverParent } from "../driver-child.ts";
import type { JourneyOutcome, JourneyProgress } from "../driver.ts";
import type { HistoryLine } from "../../record/history.ts";
import { openLineFile } from "../recording/line-file.ts";
import { createStepCounter } from "../step-counts.ts";
import { createIterations } from "./iterations.ts";
import type { K6Plan, K6Result } from "./k6-driver.ts";
import { readK6Point } from "./k6-point.ts";
import { endText, errorIn, logLineSchema, startK6Process, type K6End, type K6Process } from "./k6-process.ts";
import { thresholdsOf } from "./thresholds.ts";

const progressEveryMs = 250;
const flushEveryMs = 100;
/** How long iterations may go on after the plan's end, before k6 is interrupted. */
const drainMs = 10_000;
/** k6 ends by itself about when it was told to; later than that before the end, its script is too short. */
const earlyMs = 1_000;
/** From SIGINT to SIGKILL: k6 runs teardown() and writes its summary. */
const interruptWithinMs = 10_000;
/** The same where the parent is gone, or does not wait. */
const cutWithinMs = 2_000;

/** k6's exit codes, by what they mean here: errext/exitcodes/codes.go of k6 v1.8.1. */
const exitCodes = {
  ok: 0,
  thresholdsCrossed: 99,
  testAborted: 108,
  testFailed: 110,
} as const;

/**
 * Runs k6 on a plan, to its end or until it is stopped.
 * @throws {SQUALL_PREFLIGHT} when k6 refuses the script
 * @throws {SQUALL_LOAD} when k6 ends in error
 * @throws {SQUALL_FILE} when the history cannot be written
 */
export async function driveK6(plan: K6Plan, parent: DriverParent<JourneyProgress>): Promise<K6Result> {
  const { stop, cut } = parent;
  const unwritten = Promise.withResolvers<never>();
  unwritten.promise.catch(() => undefined); // k6 may have ended by then
  const history = openLineFile<HistoryLine>(plan.historyFile, unwritten.reject);
  const log = createWriteStream(plan.logFile, { flags: "a" }).on("error", unwritten.reject);
  let ended: JourneyOutcome[] = [];
  const steps = createStepCounter();
  const iterations = createIterations({
    journeys: new Set(plan.journeys),
    whole: plan.whole,
    onLine(line) {
      history.add(line);
      steps.add(line);
    },
    onEnded: (outcome) => ended.push(outcome),
  });
  let unattributedErrors = 0;
  let lastError = "";
  const report = (): void => {
    const { started, dropped, underWay } = iterations;
    parent.onProgress({
      atMs: systemClock.nowMs(),
      intended: started + dropped,
      started,
      underWay,
      ended,
      steps: steps.take(),
    });
    ended = [];
  };

  const reporting = setInterval(report, progressEveryMs);
  const flushing = setInterval(() => history.flush(), flushEveryMs);
  try {
    const k6 = await startK6Process(
      plan,
      {
        onOutput(line) {
          const point = readK6Point(line);
          if (point !== undefined) iterations.add(point);
        },
        onLog(line) {
          log.write(`${line}\n`);
          lastError = errorIn(line) ?? lastError;
          if (isException(line)) unattributedErrors += 1;
        },
      },
      cut,
    );
    const startAtMs = await parent.begun();
    const endsAtMs = startAtMs + plan.durationMs;
    const { end, endedMs, wasStopped } = await Promise.race([
      runToEnd(k6, { startAtMs, endsAtMs, stop, cut }),
      unwritten.promise.finally(() => k6.kill()),
    ]);
    iterations.end(endedMs);
    const { started, dropped } = iterations;
    const missingMs = wasStopped ? 0 : endsAtMs - endedMs;
    const findings = findingsOf(end, {
      wasStopped,
      endedEarlyMs: missingMs > earlyMs ? missingMs : 0,
      lastError,
      thresholds: readThresholds(plan.summaryFile),
    });
    return {
      started,
      intended: started + dropped,
      k6: { version: plan.version, dropped, unattributedErrors, ...findings },
    };
  } finally {
    clearInterval(reporting);
    clearInterval(flushing);
    report();
    log.end();
    await history.close();
  }
}

interface Ran {
  readonly end: K6End;
  /** Epoch milliseconds. */
  readonly endedMs: number;
  /** Whether it was we who ended it. */
  readonly wasStopped: boolean;
}

interface RunOptions {
  readonly startAtMs: number;
  readonly endsAtMs: number;
  readonly stop: AbortSignal;
  readonly cut: AbortSignal;
}

async function runToEnd(k6: K6Process, { startAtMs, endsAtMs, stop, cut }: RunOptions): Promise<Ran> {
  const isOver = AbortSignal.any([stop, cut]);
  let wasStopped = false;
  const interrupt = (): void => {
    wasStopped = true;
    k6.interrupt();
    setTimeout(() => k6.kill(), cut.aborted ? cutWithinMs : interruptWithinMs).unref();
  };
  const endedByItself = k6.ended.then(() => "ended" as const);
  const waitUntil = (atMs: number, signal: AbortSignal): Promise<"time" | "aborted"> =>
    systemClock.sleep(atMs - systemClock.nowMs(), signal).then(
      () => "time" as const,
      () => "aborted" as const,
    );

  if ((await waitUntil(startAtMs, isOver)) === "time") {
    await k6.resume();
    await Promise.race([endedByItself, whenAborted(isOver)]);
    // Whoever stops a load whose time is up wants what is under way to end by itself.
    if (!cut.aborted && systemClock.nowMs() >= endsAtMs - earlyMs)
      await Promise.race([endedByItself, waitUntil(endsAtMs + drainMs, cut)]);
  }
  if ((await Promise.race([endedByItself, Promise.resolve("runs")])) === "runs") interrupt();
  const onCut = (): void => interrupt();
  cut.addEventListener("abort", onCut, { once: true });
  const end = await k6.ended;
  cut.removeEventListener("abort", onCut);
  return { end, endedMs: systemClock.nowMs(), wasStopped };
}

interface Ended {
  readonly wasStopped: boolean;
  readonly endedEarlyMs: number;
  readonly lastError: string;
  readonly thresholds: readonly K6Threshold[];
}

type Findings = Pick<K6Outcome, "endedEarlyMs" | "abortedBy" | "thresholds">;

/** @throws {SQUALL_LOAD} when k6 ended in error */
function findingsOf(end: K6End, { wasStopped, endedEarlyMs, lastError, thresholds }: Ended): Findings {
  const { exitCode } = end;
  if (exitCode === exitCodes.ok) return { endedEarlyMs, thresholds: [...thresholds] };
  if (exitCode === exitCodes.thresholdsCrossed) {
    if (!thresholds.some(({ outcome }) => outcome === "crossed"))
      throw new Error(`k6 says that thresholds were crossed, its summary does not say which: ${lastError}`);
    // Crossed at the end; or before it, with abortOnFail.
    const abortedBy = endedEarlyMs > 0 ? { abortedBy: lastError } : {};
    return { endedEarlyMs, ...abortedBy, thresholds: [...thresholds] };
  }
  if (exitCode === exitCodes.testFailed) {
    const failed: K6Threshold = { metric: "the script", threshold: "exec.test.fail()", outcome: "crossed" };
    return { endedEarlyMs, thresholds: [...thresholds, failed] };
  }
  if (exitCode === exitCodes.testAborted)
    return { endedEarlyMs, abortedBy: lastError, thresholds: [...thresholds] };
  if (wasStopped) return { endedEarlyMs, thresholds: [...thresholds] };
  throw new SquallError("SQUALL_LOAD", `k6 ended with ${endText(end)}: ${lastError}`, {
    hint: "its log is logs/k6.jsonl of the run folder",
  });
}

/** Killed, k6 leaves no summary: nothing is known of its thresholds then. */
function readThresholds(file: string): readonly K6Threshold[] {
  return existsSync(file) ? thresholdsOf(JSON.parse(readFileSync(file, "utf8"))) : [];
}

/** An exception that k6 caught at the end of an iteration: it does not say of which. */
function isException(line: string): boolean {
  const parsed = logLineSchema.safeParse(jsonIn(line));
  return parsed.success && parsed.data.level === "error" && parsed.data.source === "stacktrace";
}
