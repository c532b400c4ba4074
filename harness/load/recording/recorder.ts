import { systemClock } from "../../base/clock.ts";
import type { SquallError } from "../../base/errors.ts";
import type { HistoryLine } from "../../record/history.ts";
import { createHistogram, type Histogram } from "../../stats/histogram.ts";
import {
  intervalOf,
  type BegunLine,
  type HistogramLine,
  type IntervalLine,
  type ProgressLine,
} from "./histogram-line.ts";
import { openLineFile } from "./line-file.ts";
import { createTally, type Tally } from "./tally.ts";

/**
 * What a driver leaves behind, as it comes:
 *
 *   operation or journey ended ─┬→ history.jsonl      a line each
 *                               └→ histograms.jsonl   a line for each step and interval, of what came since the last
 *
 * Both files grow ten times a second at least, by whole lines, so a crash of the driver loses at most the last tenth of a
 * second.
 * What the machine itself loses when it goes down is for its file system to say: nothing is forced to disk.
 */
export interface Recorder {
  /** Takes an operation, or a journey, that ended. */
  readonly add: (line: HistoryLine) => void;
  /** A journey started. */
  start(intendedMs: number, lateMs: number): void;
  progress(progress: Omit<ProgressLine, "kind">): void;
  /** Resolves when all is in the files. @throws {SQUALL_FILE} when one could not be written */
  close(): Promise<void>;
}

export interface RecorderOptions {
  readonly historyFile: string;
  readonly histogramsFile: string;
  readonly begun: Omit<BegunLine, "kind" | "schemaVersion">;
}

const flushEveryMs = 100;
/** Shorter, since the history is much more to write: at 10,000 lines a second, 100 ms of it kept starts waiting for 3 ms. */
const flushHistoryEveryMs = 20;

/** @param onError told when a file can no longer be written */
export function openRecorder(
  { historyFile, histogramsFile, begun }: RecorderOptions,
  onError: (error: SquallError) => void,
): Recorder {
  const history = openLineFile<HistoryLine>(historyFile, onError);
  const histograms = openLineFile<HistogramLine>(histogramsFile, onError);
  /** What came since the last flush. */
  const intervals = new Map<string, Omit<IntervalLine, "tally"> & { readonly tally: Tally }>();
  const starts = new Map<number, Histogram>();
  let progress: ProgressLine | undefined;

  const tallyOf = (line: HistoryLine): Tally => {
    const fromMs = intervalOf(line.intendedMs);
    const step = line.kind === "operation" ? line.step : undefined;
    const key = `${fromMs}\0${line.journey}\0${step ?? ""}\0${line.kind}`;
    const known = intervals.get(key);
    if (known !== undefined) return known.tally;
    const tally = createTally();
    const { journey } = line;
    intervals.set(key, { kind: "interval", fromMs, journey, ...(step === undefined ? {} : { step }), tally });
    return tally;
  };
  /** Lines of the histograms that are still to be made: one a turn of the loop, since all at once keep starts waiting. */
  const due: (() => HistogramLine)[] = [];
  let turning: NodeJS.Immediate | undefined;
  const makeNext = (): void => {
    const next = due.shift();
    turning = next === undefined ? undefined : setImmediate(makeNext);
    if (next === undefined) histograms.flush();
    else histograms.add(next());
  };
  const flush = (): void => {
    for (const { tally, ...interval } of intervals.values())
      due.push(() => ({ ...interval, tally: tally.toJSON() }));
    for (const [fromMs, late] of starts) due.push(() => ({ kind: "starts", fromMs, late: late.toJSON() }));
    const last = progress;
    if (last !== undefined) due.push(() => last);
    intervals.clear();
    starts.clear();
    progress = undefined;
    turning ??= setImmediate(makeNext);
  };
  histograms.add({ kind: "begun", schemaVersion: 1, ...begun });
  histograms.flush();
  const flushings = [
    setInterval(flush, flushEveryMs),
    setInterval(() => history.flush(), flushHistoryEveryMs),
  ];

  return {
    add(line) {
      history.add(line);
      tallyOf(line).add(line);
    },
    start(intendedMs, lateMs) {
      const fromMs = intervalOf(intendedMs);
      const late = starts.get(fromMs) ?? createHistogram();
      starts.set(fromMs, late);
      late.add(Math.max(0, lateMs));
    },
    progress(next) {
      progress = { kind: "progress", ...next };
    },
    async close() {
      for (const flushing of flushings) clearInterval(flushing);
      flush();
      clearImmediate(turning);
      for (const make of due) histograms.add(make());
      histograms.add({ kind: "ended", atMs: systemClock.nowMs() });
      await Promise.all([history.close(), histograms.close()]);
    },
  };
}
