import { existsSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { streamLines } from "../base/line-stream.ts";
import { mergeByTime } from "../logs/merge-by-time.ts";
import type { LogLine } from "../logs/log-line.ts";
import { readLog, type LogSource } from "../logs/read-log.ts";
import type { LogPhase } from "../record/log-excerpt.ts";
import { readJournal } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { actualTimeline, find } from "./evidence.ts";

/** A run's logs, of whatever the fleet consisted of. */
export interface RunLogs {
  readonly run: string;
  readonly sources: readonly LogSource[];
  /** Epoch milliseconds of the run's zero; of a run that made no load, its start. */
  readonly zeroMs: number;
  /** The phases that it came to, in epoch milliseconds. */
  readonly windows: readonly { readonly phase: LogPhase; readonly startMs: number; readonly endMs: number }[];
  phaseOf(atMs: number | undefined): LogPhase;
  /**
   * The lines of these sources by time, one after the other: of each log only a part is in memory.
   * @throws {SQUALL_FILE} when a log cannot be read
   */
  lines(sources?: readonly LogSource[]): Generator<LogLine>;
}

/** Of one line; a longer one is shown as cut off. */
const mostLineBytes = 1_000_000;

/** @returns nothing where no journal says that a run started */
export function readRunLogs(path: string): RunLogs | undefined {
  const folder = runFolder(path);
  const journal = readJournal(folder.journal).lines;
  const started = find(journal, "run-started");
  if (started === undefined) return undefined;
  const zeroMs = find(journal, "load-started")?.zeroMs ?? started.atMs;
  const windows = actualTimeline(journal, zeroMs).map(({ phase, startMs, endMs }) => ({
    phase,
    startMs: zeroMs + startMs,
    endMs: zeroMs + endMs,
  }));
  const files = existsSync(folder.logs) ? readdirSync(folder.logs).sort() : [];
  const fileOf = new Map(files.map((file) => [file.slice(0, -extname(file).length || undefined), file]));
  const sources = [...fileOf.keys()].map((instance) => ({ instance, service: partOf(instance, fileOf) }));
  return {
    run: started.run,
    sources,
    zeroMs,
    windows,
    phaseOf(atMs) {
      const [first] = windows;
      if (atMs === undefined || first === undefined || atMs < first.startMs) return "before";
      return windows.find(({ endMs }) => atMs < endMs)?.phase ?? "after";
    },
    lines: (chosen = sources) =>
      mergeByTime(
        chosen.map((source) =>
          readLog(
            source,
            streamLines(join(folder.logs, fileOf.get(source.instance) ?? ""), { mostBytes: mostLineBytes }),
          ),
        ),
      ),
  };
}

/** A second replica is called after the first: "catalog-2" is one of "catalog", if that is there. */
function partOf(instance: string, all: ReadonlyMap<string, unknown>): string {
  const first = instance.replace(/-\d+$/, "");
  return all.has(first) ? first : instance;
}
