import { Command, InvalidArgumentError, Option } from "commander";
import { SquallError } from "../base/errors.ts";
import { unknownName } from "../base/fields.ts";
import { readRunLogs, type RunLogs } from "../engine/run-logs.ts";
import { linksBetween } from "../logs/linked-traces.ts";
import { logLevels, type LogLevel, type LogLine } from "../logs/log-line.ts";
import { noveltySince } from "../logs/novelty.ts";
import { tallyPatterns } from "../logs/pattern-tally.ts";
import type { LogSource } from "../logs/read-log.ts";
import type { LogPhase } from "../record/log-excerpt.ts";
import { runFolder } from "../record/run-folder.ts";
import { streamSpans } from "../record/span-stream.ts";
import { formatCount, formatCounted } from "../report/figures.ts";
import { colorsFor, examples, print, type CommandContext } from "./command-context.ts";
import { findRun } from "./find-run.ts";
import { lineJson, lineText, logLayout, patternJson, patternText } from "./logs-text.ts";
import { pacedOutput } from "./paced-output.ts";

interface LogsFlags {
  readonly trace?: string;
  readonly service?: readonly string[];
  readonly level?: LogLevel;
  readonly during?: string;
  readonly onlyDuring?: string;
  readonly patterns?: true;
  readonly runs: string;
  readonly json?: true;
}

export function logsCommand({ host }: CommandContext): Command {
  return new Command("logs")
    .description("print what a run's services logged, by time, with the phase that it was said in")
    .argument("<run>", "a run folder, the name of one, or latest")
    .option(
      "--trace <id>",
      "only lines of this trace, and of those linked with it; 8 digits are enough",
      traceId,
    )
    .option("--service <names>", "only what these log, such as order,payment-db", listed)
    .option("--level <level>", `only lines of this level or worse: ${logLevels.join(", ")}`, levelNamed)
    .option("--during <phase>", "only lines of this phase; before and after are the time around all phases")
    .addOption(
      new Option(
        "--only-during <phase>",
        "only lines of this phase of which the like was not said before it",
      ).conflicts("during"),
    )
    .option("--patterns", "instead of the lines what they have in common, and how often it was said")
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--json", "a JSON object a line, as it was logged, with run, phase, service and instance")
    .addHelpText(
      "after",
      examples(
        "squall logs latest --level warn",
        "squall logs latest --only-during fault --patterns",
        "squall logs latest --trace 48291dafc855a57c9b9d043727f3d2e8",
        "squall logs latest --service order,payment --during fault --json | jq .msg",
      ) + "\n\nWhat a fleet says outside of a run: the files that squall up names, or docker compose logs.",
    )
    .action(async (run: string, flags: LogsFlags) => {
      const path = findRun(run, flags.runs);
      const logs = readRunLogs(path);
      if (logs === undefined)
        throw new SquallError(
          "SQUALL_FILE",
          `${path} is no run folder: no journal there says that a run started`,
        );
      const sources = sourcesNamed(logs, flags.service);
      const filter = filterOf(logs, flags, runFolder(path).traces);
      const layout = logLayout(logs, sources, {
        colors: colorsFor(host, host.stdout),
        columns: host.stdout.columns,
      });
      const tally = tallyPatterns();
      const told = { read: 0, shown: 0, text: 0, cut: 0 };
      const out = pacedOutput(host.stdout);
      const show = (lines: readonly string[]) => out.write(lines.map((text) => `${text}\n`).join(""));
      for (const line of logs.lines(sources)) {
        told.read += 1;
        if (line.form === "text" || line.form === "cut") told[line.form] += 1;
        if (!filter.takes(line)) continue;
        told.shown += 1;
        if (flags.patterns === true) tally.add(line);
        else if (!(await show(flags.json === true ? [lineJson(line, logs)] : lineText(line, layout)))) return;
      }
      filter.end();
      for (const counted of tally.counts)
        await show(flags.json === true ? [patternJson(counted, logs)] : patternText(counted, layout));
      await out.end();
      print(host.stderr, ...countLines(told, filter.forgotten() + tally.uncounted));
    });
}

interface Filter {
  /** To be asked of every line, in order of time. */
  takes(line: LogLine): boolean;
  /** Patterns that could not be remembered. */
  forgotten(): number;
  /** @throws {SQUALL_USAGE} when a trace was asked for of which nothing was seen */
  end(): void;
}

function filterOf(logs: RunLogs, { trace, level, during, onlyDuring }: LogsFlags, traces: string): Filter {
  const during_ = phaseNamed(logs, "--during", during, ["before", "after"]);
  const onlyDuring_ = phaseNamed(logs, "--only-during", onlyDuring, []);
  const phase = onlyDuring_ ?? during_;
  const sinceMs = logs.windows.find((window) => window.phase === onlyDuring_)?.startMs ?? Infinity;
  const novelty = onlyDuring_ === undefined ? undefined : noveltySince(sinceMs);
  const ofTrace = trace === undefined ? undefined : traceFilter(traces, trace);
  const lowest = level === undefined ? 0 : logLevels.indexOf(level);
  return {
    takes(line) {
      // First: it has to see every line of before.
      if (novelty !== undefined && !novelty.isNew(line)) return false;
      if (phase !== undefined && logs.phaseOf(line.atMs) !== phase) return false;
      if (logLevels.indexOf(levelOf(line)) < lowest) return false;
      return ofTrace === undefined || ofTrace.takes(line);
    },
    forgotten: () => novelty?.forgotten ?? 0,
    end: () => ofTrace?.end(),
  };
}

/** A record that says no level is of everyday life; what is no record may be a stack, and is not kept back. */
function levelOf({ level, form }: LogLine): LogLevel {
  return level ?? (form === "json" ? "info" : "fatal");
}

/** @throws {SQUALL_USAGE} when the digits given are the beginning of several traces */
function traceFilter(traces: string, given: string): Pick<Filter, "takes" | "end"> {
  const links = linksBetween(streamSpans(traces));
  const [found, ...more] = [...links.known].filter((known) => known.startsWith(given));
  if (more.length > 0)
    throw new SquallError(
      "SQUALL_USAGE",
      `--trace: ${formatCount(more.length + 1)} traces begin with ${given}: ${found}, ${more[0]}${more.length > 1 ? ", …" : ""}`,
    );
  const asked = found === undefined ? undefined : links.linkedWith(found);
  let isSeen = asked !== undefined;
  return {
    takes({ traceId }) {
      if (traceId === undefined) return false;
      // Its spans may be lost.
      const isOne = asked === undefined ? traceId.startsWith(given) : asked.has(traceId);
      isSeen ||= isOne;
      return isOne;
    },
    end() {
      if (!isSeen)
        throw new SquallError(
          "SQUALL_USAGE",
          `--trace: no span and no line of this run is of trace ${given}`,
        );
    },
  };
}

/** @throws {SQUALL_USAGE} when there is no log, or none of that name */
function sourcesNamed({ run, sources }: RunLogs, names: readonly string[] | undefined): readonly LogSource[] {
  if (sources.length === 0) throw new SquallError("SQUALL_USAGE", `${run} has no logs`);
  if (names === undefined) return sources;
  const known = [...new Set(sources.flatMap(({ service, instance }) => [service, instance]))];
  for (const name of names)
    if (!known.includes(name))
      throw new SquallError("SQUALL_USAGE", `--service: ${unknownName("service", name, known)}`);
  return sources.filter(({ service, instance }) => names.includes(service) || names.includes(instance));
}

/** @throws {SQUALL_USAGE} when the run has not come to such a phase */
function phaseNamed(
  { windows }: RunLogs,
  option: string,
  given: string | undefined,
  around: readonly LogPhase[],
): LogPhase | undefined {
  if (given === undefined) return undefined;
  const known = [...windows.map(({ phase }) => phase), ...around];
  const phase = known.find((one) => one === given);
  if (phase === undefined)
    throw new SquallError("SQUALL_USAGE", `${option}: ${unknownName("phase of this run", given, known)}`);
  return phase;
}

function countLines(
  told: { readonly read: number; readonly shown: number; readonly text: number; readonly cut: number },
  forgotten: number,
): readonly string[] {
  const unread = [
    ...(told.text === 0 ? [] : [`${formatCounted(told.text, "line is", "lines are")} no record`]),
    ...(told.cut === 0 ? [] : [`${formatCounted(told.cut, "line was", "lines were")} cut off`]),
  ];
  return [
    `${formatCount(told.shown)} of ${formatCounted(told.read, "line")}` +
      (unread.length === 0 ? "" : `; ${unread.join(", ")}`),
    ...(forgotten === 0
      ? []
      : [
          `! ${formatCounted(forgotten, "line")} had patterns beyond what is kept in memory: not all is told`,
        ]),
  ];
}

function traceId(given: string): string {
  if (!/^[\da-f]{8,32}$/i.test(given))
    throw new InvalidArgumentError(`expected a trace id, or at least its first 8 digits, got "${given}"`);
  return given.toLowerCase();
}

function listed(given: string): readonly string[] {
  const names = given.split(",").map((name) => name.trim());
  if (names.includes(""))
    throw new InvalidArgumentError(`expected names such as order,payment, got "${given}"`);
  return names;
}

function levelNamed(given: string): LogLevel {
  const level = logLevels.find((known) => known === given);
  if (level === undefined) throw new InvalidArgumentError(unknownName("level", given, logLevels));
  return level;
}
