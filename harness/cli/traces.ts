import { Command, InvalidArgumentError } from "commander";
import { SquallError } from "../base/errors.ts";
import { unknownName } from "../base/fields.ts";
import { phaseNameSchema, type PhaseName } from "../record/journal.ts";
import { analyseTraces, slowestTraces, type SlowTrace, type TraceAnalysis } from "../traces/analysis.ts";
import { blame, type Blame } from "../traces/blame.ts";
import { dependencyGraph, type DependencyGraph } from "../traces/dependency-graph.ts";
import type { PreparedTrace } from "../traces/prepared-trace.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { findRun } from "./find-run.ts";
import { jaegerLossText, readRunFromJaeger } from "./jaeger-source.ts";
import { readRunTraces, type RunTraces } from "./run-traces.ts";
import { tracesText } from "./traces-text.ts";

type Phases = readonly [baseline: PhaseName, fault: PhaseName];

interface TracesFlags {
  readonly journey?: string;
  readonly slowest: number;
  readonly compare?: Phases;
  readonly tracesFrom?: string;
  readonly runs: string;
  readonly json?: true;
}

/** All that `squall traces` tells, as data: what `--json` prints. */
export interface TracesTold {
  readonly schemaVersion: 1;
  readonly run: string;
  readonly title: string;
  readonly journey?: string;
  /** Lines of the file of spans that could not be read. */
  readonly lost: RunTraces["loss"];
  readonly analysis: TraceAnalysis;
  readonly comparison?: Comparison;
  readonly slowest: readonly SlowTrace[];
}

export interface Comparison {
  readonly phases: Phases;
  readonly blame: Blame;
  /** Who called whom in either phase. */
  readonly graphs: readonly [DependencyGraph, DependencyGraph];
}

export function tracesCommand({ host }: CommandContext): Command {
  return new Command("traces")
    .description("say what a run's traces tell: who is to blame, edges, and what to look at; writes nothing")
    .argument("<run>", "a run folder, the name of one, or latest")
    .option("--journey <name>", "only traces of this journey or mix, and what they led to")
    .option("--slowest <count>", "how many of the slowest traces to show", wholeNumber, 5)
    .option(
      "--compare <phases>",
      "two phases to compare (default: baseline,fault if the run has both)",
      twoPhases,
    )
    .option("--traces-from <url>", "read the traces from this Jaeger instead of the run folder", jaegerUrl)
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--json", "everything as JSON")
    .addHelpText(
      "after",
      examples(
        "squall traces latest",
        "squall traces latest --journey checkout --slowest 10",
        "squall traces latest --compare baseline,recovery",
        "squall traces latest --traces-from http://jaeger:16686",
        "squall traces latest --json | jq '.comparison.blame.blamed[0]'",
      ),
    )
    .action(async (run: string, flags: TracesFlags) => {
      const folder = findRun(run, flags.runs);
      const jaeger =
        flags.tracesFrom === undefined ? undefined : await readRunFromJaeger(folder, flags.tracesFrom);
      if (jaeger !== undefined) print(host.stderr, ...jaegerLossText(jaeger));
      const told = tellTraces(readRunTraces(folder, flags.journey, jaeger?.spans), flags);
      if (flags.json === true) return printJson(host, told);
      const columns = host.stdout.columns ?? 100;
      print(host.stdout, ...tracesText(told, { colors: colorsFor(host, host.stdout), columns }));
    });
}

function tellTraces(traces: RunTraces, { journey, slowest, compare }: TracesFlags): TracesTold {
  const comparison = comparisonOf(traces, compare);
  const { run, title, loss, prepared, graphOptions, timeline, unsent } = traces;
  const durationMs = (timeline.at(-1)?.endMs ?? 0) - (timeline[0]?.startMs ?? 0);
  const analysis = analyseTraces(prepared, { ...graphOptions, durationMs, unsent });
  return {
    schemaVersion: 1,
    run,
    title,
    ...(journey === undefined ? {} : { journey }),
    lost: loss,
    // One journey does not come to every edge.
    analysis: journey === undefined ? analysis : { ...analysis, graph: { ...analysis.graph, neverSeen: [] } },
    ...(comparison && { comparison }),
    slowest: slowestTraces(comparison ? traces.inPhase(comparison.phases[1]) : prepared, slowest),
  };
}

/** @throws {SQUALL_USAGE} when a phase was asked for that the run has not come to */
function comparisonOf(traces: RunTraces, asked: Phases | undefined): Comparison | undefined {
  const { timeline, graphOptions } = traces;
  const phases: Phases = asked ?? ["baseline", "fault"];
  const [first, second] = phases.map((phase) => timeline.find((window) => window.phase === phase));
  if (first === undefined || second === undefined) {
    if (asked === undefined) return undefined;
    const had = timeline.map(({ phase }) => phase).join(", ") || "none";
    throw new SquallError("SQUALL_USAGE", `--compare: expected two phases of the run, which had ${had}`);
  }
  const before = traces.inPhase(phases[0]);
  const during = traces.inPhase(phases[1]);
  const graph = (of: readonly PreparedTrace[], { startMs, endMs }: typeof first): DependencyGraph =>
    dependencyGraph(of, { ...graphOptions, durationMs: endMs - startMs });
  return { phases, blame: blame(before, during), graphs: [graph(before, first), graph(during, second)] };
}

function jaegerUrl(given: string): string {
  if (!/^https?:$/.test(URL.parse(given)?.protocol ?? ""))
    throw new InvalidArgumentError(`expected a URL such as http://127.0.0.1:16686, got "${given}"`);
  return given;
}

function wholeNumber(given: string): number {
  if (!/^\d{1,4}$/.test(given)) throw new InvalidArgumentError(`expected a number of traces, got "${given}"`);
  return Number(given);
}

function twoPhases(given: string): Phases {
  const names = given.split(",").map((name) => name.trim());
  const known = phaseNameSchema.options;
  const phases = names.map((name) => known.find((phase) => phase === name));
  const unknown = names.find((_, index) => phases[index] === undefined);
  const [first, second, ...more] = phases;
  if (names.length === 2 && unknown !== undefined)
    throw new InvalidArgumentError(unknownName("phase", unknown, known));
  if (first === undefined || second === undefined || first === second || more.length > 0)
    throw new InvalidArgumentError(`expected two phases such as baseline,fault, got "${given}"`);
  return [first, second];
}
