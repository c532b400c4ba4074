import { readJsonl } from "../base/jsonl.ts";
import { find, readRecord } from "../engine/evidence.ts";
import { readJaegerTraces, type JaegerTraces } from "../observe/jaeger-traces.ts";
import { historyLineSchema } from "../record/history.ts";
import { readJournal } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { parseTarget } from "../target/load-target.ts";

/** Services' clocks may differ from this machine's, and what a run began may end after it. */
const marginMs = 2_000;

/**
 * The traces of a run as a team's own Jaeger has them: those of the target's services from its load to its end, and those
 * that its clients were given.
 * @param jaeger base URL of its query server
 * @throws {SQUALL_FILE} when the path is no run folder
 * @throws {SQUALL_USAGE} when no Jaeger answers
 */
export async function readRunFromJaeger(path: string, jaeger: string): Promise<JaegerTraces> {
  const folder = runFolder(path);
  const record = readRecord(folder.experiment);
  const journal = readJournal(folder.journal).lines;
  const startMs = find(journal, "load-started")?.zeroMs ?? record.startedAtMs;
  const endMs = Math.max(startMs, ...journal.map(({ atMs }) => atMs));
  const history = readJsonl(folder.history, (value) => historyLineSchema.parse(value)).lines;
  return readJaegerTraces(jaeger, {
    services: Object.keys(parseTarget(record.target, record.targetFile).services),
    startMs: startMs - marginMs,
    endMs: endMs + marginMs,
    wanted: new Set(
      history.flatMap((line) =>
        line.kind === "operation" && line.traceId !== undefined ? [line.traceId] : [],
      ),
    ),
  });
}

/** What is not there, in words; nothing when all is. */
export function jaegerLossText({ missingTraces, cutSearches }: JaegerTraces): readonly string[] {
  return [
    ...(missingTraces > 0
      ? [
          missingTraces === 1
            ? "1 trace that clients were given, or that others link to, is not in Jaeger"
            : `${missingTraces} traces that clients were given, or that others link to, are not in Jaeger`,
        ]
      : []),
    ...(cutSearches > 0
      ? [`searches of Jaeger were cut ${cutSearches} times: there may be more traces`]
      : []),
  ];
}
