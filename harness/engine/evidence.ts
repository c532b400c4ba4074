import { existsSync, readFileSync } from "node:fs";
import { SquallError, messageOf } from "../base/errors.ts";
import { parseAddress } from "../base/address.ts";
import { readJsonl } from "../base/jsonl.ts";
import type { Rows } from "../consistency/invariant.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { parseExperiment } from "../experiment/load-experiment.ts";
import { readObservationFiles } from "../observe/observations.ts";
import { readAlertLog, type AlertLog } from "../record/alert-log.ts";
import { experimentRecordSchema, type ExperimentRecord } from "../record/experiment-record.ts";
import { readFaultLog, type FaultLine } from "../record/fault-log.ts";
import { historyLineSchema, type JourneyLine, type OperationLine } from "../record/history.ts";
import { readJournal, type JournalEvent, type JournalLine, type PhaseName } from "../record/journal.ts";
import { readSpans } from "../record/otlp.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Span } from "../record/span.ts";
import type { Target } from "../target/target.ts";
import { parseTarget } from "../target/load-target.ts";
import type { UnsentSpans } from "../traces/completeness.ts";
import { groupTraces, type Trace } from "../traces/trace.ts";
import { isWithin, type Timeline } from "./timeline.ts";
import { unsentSpans } from "./unsent-spans.ts";

/** All that a run folder tells, read once; what a crash cut off is simply not there. */
export interface Evidence {
  readonly record: ExperimentRecord;
  readonly experiment: Experiment;
  readonly target: Target;
  readonly journal: readonly JournalLine[];
  readonly faultLog: readonly FaultLine[];
  readonly operations: readonly OperationLine[];
  readonly journeys: readonly JourneyLine[];
  readonly spans: readonly Span[];
  readonly traces: ReadonlyMap<string, Trace>;
  /** Of which services, and when, spans may be missing. */
  readonly unsent: readonly UnsentSpans[];
  /** Rows of each observation, as far as they were read. */
  readonly rows: Rows;
  /** What came of the alert rules; absent where no alert is expected to fire or not, or the run ended before. */
  readonly alertLog: AlertLog | undefined;
  /** Edge by the port of its proxy: whom a client span called. */
  readonly edgeByPort: ReadonlyMap<number, string>;
  /** Epoch milliseconds of the run's zero. */
  readonly zeroMs: number;
  /** The phases as they really were, from the run's zero. */
  readonly timeline: Timeline;
  /** Epoch milliseconds of the last line of the journal. */
  readonly endedAtMs: number;
}

/**
 * Reads a run folder.
 * @throws {SQUALL_FILE} when it is none, or when the run ended before its fleet was up
 */
export function readEvidence(path: string): Evidence {
  const folder = runFolder(path);
  const record = readRecord(folder.experiment);
  const target = parseTarget(record.target, record.targetFile);
  const journal = readJournal(folder.journal).lines;
  const history = readJsonl(folder.history, (value) => historyLineSchema.parse(value)).lines;
  const zeroMs = find(journal, "load-started")?.zeroMs ?? record.startedAtMs;
  const spans = readSpans(folder.traces);
  return {
    record,
    experiment: parseExperiment(record.experiment, record.experimentFile),
    target,
    journal,
    faultLog: readFaultLog(folder.faults).lines,
    operations: history.filter((line) => line.kind === "operation"),
    journeys: history.filter((line) => line.kind === "journey"),
    spans,
    traces: groupTraces(spans, target.entry),
    unsent: unsentSpans({ journal, spans, target, record }),
    rows: readObservationFiles(folder.stores),
    alertLog: readAlertLog(folder.alerts),
    edgeByPort: new Map(
      record.fleet.edges.flatMap(({ edge, listen }) => {
        const address = parseAddress(listen);
        return address ? [[address.port, edge] as const] : [];
      }),
    ),
    zeroMs,
    timeline: actualTimeline(journal, zeroMs),
    endedAtMs: journal.at(-1)?.atMs ?? record.startedAtMs,
  };
}

/** Operations that were meant to begin in a phase; none where the run did not come to it. */
export function operationsIn(
  { operations, timeline, zeroMs }: Pick<Evidence, "operations" | "timeline" | "zeroMs">,
  phase: PhaseName,
): readonly OperationLine[] {
  const window = timeline.find((one) => one.phase === phase);
  if (window === undefined) return [];
  return operations.filter(({ intendedMs }) => isWithin(window, intendedMs - zeroMs));
}

/** The first event of a kind, if there is one. */
export function find<E extends JournalEvent["event"]>(
  journal: readonly JournalLine[],
  event: E,
): Extract<JournalLine, { readonly event: E }> | undefined {
  return journal.find((line): line is Extract<JournalLine, { readonly event: E }> => line.event === event);
}

/** A phase lasts until the next began; the last until the load ended, or the journal does. */
export function actualTimeline(journal: readonly JournalLine[], zeroMs: number): Timeline {
  const started = journal.filter((line) => line.event === "phase-started");
  const endMs = (find(journal, "load-ended") ?? journal.at(-1))?.atMs ?? zeroMs;
  return started.map((line, index) => ({
    phase: line.phase,
    startMs: line.atMs - zeroMs,
    endMs: (started[index + 1]?.atMs ?? endMs) - zeroMs,
  }));
}

export function readRecord(file: string): ExperimentRecord {
  if (!existsSync(file))
    throw new SquallError(
      "SQUALL_FILE",
      `${file} does not exist: no run folder, or a run that ended before its fleet was up`,
    );
  try {
    return experimentRecordSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
