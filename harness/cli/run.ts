import { Command } from "commander";
import { relative, resolve } from "node:path";
import type { Address } from "../base/address.ts";
import { SquallError, exitCodes, messageOf } from "../base/errors.ts";
import { formatDuration } from "../base/units.ts";
import { runExperiment, type RunOptions } from "../engine/run.ts";
import { dryRun } from "../engine/dry-run.ts";
import { exposedJourneys } from "../engine/exposed-journeys.ts";
import { blastRadius } from "../experiment/blast-radius.ts";
import { durationMsOf, type Experiment } from "../experiment/experiment.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Summary } from "../record/summary.ts";
import { renderText } from "../report/text.ts";
import { writeReports } from "../report/write-reports.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { hasColor, type Host } from "./host.ts";
import { experimentText } from "./experiment-text.ts";
import { listenAddress } from "./listen-address.ts";
import { forwardHelp, otlpEndpoint } from "./otlp-endpoint.ts";
import { jaegerHelp, jaegerUrl } from "./jaeger-url.ts";
import { deedsText } from "./deeds-text.ts";
import { radiusText } from "./radius-text.ts";
import { chooseReplicas, collectReplicas, replicasHelp } from "./replicas.ts";
import { loadRunnableExperiment } from "./runnable-experiment.ts";
import { chooseRuntime, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { chooseSettings, collectSetting } from "./settings.ts";
import { liveView, plainView } from "./view.ts";
import { version } from "./version.ts";

interface OwnFlags {
  readonly set?: Readonly<Record<string, string>>;
  readonly replicas?: Readonly<Record<string, number>>;
  readonly seed: string;
  readonly runs: string;
  readonly forward?: string;
  readonly metricsListen?: Address;
  readonly jaeger?: string;
  readonly json?: true;
  readonly dryRun?: true;
  readonly beyondLimits?: string;
}

interface RunFlags extends OwnFlags, RuntimeFlags {}

export function runCommand({ host, exitWith }: CommandContext): Command {
  return withRuntime(new Command("run"))
    .description("run an experiment and judge it; the exit code is the verdict")
    .argument("<experiment>", "the experiment's file")
    .option("--set <name=value>", "a setting of the fleet; may be given several times", collectSetting)
    .option("--replicas <service=count>", replicasHelp, collectReplicas)
    .option("--seed <text>", "decides every random choice", "squall")
    .option("--runs <folder>", "where run folders are made", "runs")
    .option("--forward <endpoint>", forwardHelp, otlpEndpoint)
    .option(
      "--metrics-listen <address>",
      "show the run's own metrics there, for a Prometheus",
      listenAddress("127.0.0.1:9464"),
    )
    .option("--jaeger <url>", jaegerHelp, jaegerUrl)
    .option("--json", "the summary as JSON instead of the report")
    .option("--dry-run", "say how far it reaches and each thing that would be done, and do nothing")
    .option("--beyond-limits <why>", "go beyond the limits of the target; why is kept in journal and report")
    .addHelpText(
      "after",
      examples(
        "squall run chaos/payment-gateway-slow.yaml",
        "squall run chaos/payment-gateway-slow.yaml --set patterns=none",
        "squall run chaos/order-database-cut.yaml --dry-run",
        "squall run chaos/order-database-cut.yaml --json > summary.json",
        "squall run chaos/payment-gateway-slow.yaml --forward http://jaeger:4318",
        "docker compose up --wait && squall run chaos/payment-gateway-slow.yaml --runtime docker",
      ) +
        "\n\nCtrl-C undoes the fault, writes the report and exits with 130; a second one changes nothing about that.",
    )
    .action(async (file: string, flags: RunFlags) => {
      const { experiment, target: described } = loadRunnableExperiment(file);
      const { runtime, target } = await chooseRuntime(host, flags, described);
      const settings = chooseSettings(target, { ...experiment.settings, ...flags.set });
      const replicas = chooseReplicas(target, flags.replicas);
      if (flags.beyondLimits?.trim() === "")
        throw new SquallError("SQUALL_USAGE", "--beyond-limits: expected why, got an empty text");
      const loaded = { experiment, target, runtime, settings, replicas };
      if (flags.dryRun === true) return printPlan(host, file, flags, loaded);
      exitWith(await runAndReport(host, file, flags, loaded));
    });
}

interface Loaded {
  readonly experiment: Experiment;
  readonly target: Target;
  readonly runtime: Runtime;
  readonly settings: Readonly<Record<string, string>>;
  readonly replicas: Readonly<Record<string, number>>;
}

async function runAndReport(host: Host, file: string, flags: RunFlags, loaded: Loaded): Promise<number> {
  const interrupt = new AbortController();
  let hasInjected = false;
  using view = host.stderr.isTTY
    ? liveView(host.stderr, colorsFor(host, host.stderr), loaded.experiment)
    : plainView(host.stderr);
  using _listening = listening(host, (signal) => {
    if (interrupt.signal.aborted)
      return view.note(`${signal} again: the fault is already being undone, then comes the report`);
    view.note(`${signal}: undoing what was injected, then reporting`);
    view.interrupted();
    interrupt.abort(signal);
  });
  try {
    const { folder, summary, exitCode } = await runExperiment({
      ...optionsOf(host, file, flags, loaded),
      interrupt: interrupt.signal,
      observer: {
        onJournal(line) {
          hasInjected ||= line.event === "undo-planned";
          view.journal(line);
        },
        onLive: (state) => view.live(state),
      },
    });
    view[Symbol.dispose]();
    writeReports(summary, runFolder(folder));
    if (flags.json === true) printJson(host, summary);
    else
      print(
        host.stdout,
        renderText(summary, { color: hasColor(host, host.stdout), width: host.stdout.columns ?? 100 }),
        ...reportPaths(folder),
      );
    print(host.stderr, ...stuckLines(host, summary));
    return exitCode;
  } catch (error) {
    if (!interrupt.signal.aborted || hasInjected) throw error;
    view.note("interrupted before anything was injected: nothing to undo, nothing to report");
    if (error !== interrupt.signal.reason) view.note(`what was under way ended with: ${messageOf(error)}`);
    return exitCodes.interrupted;
  }
}

/** Said last, also where only the summary is asked for: whoever reads nothing else reads this. */
function stuckLines(host: Host, { faults }: Summary): readonly string[] {
  const stuck = faults.filter(({ undoError }) => undoError !== undefined);
  if (stuck.length === 0) return [];
  const colors = colorsFor(host, host.stderr);
  return [
    ...stuck.map(({ title, undoError }) => `${colors.red("NOT UNDONE")} ${title}: ${undoError}`),
    colors.dim("hint: squall recover tries again"),
  ];
}

/** Where to look, the page for people first. */
export function reportPaths(folder: string): readonly string[] {
  const { html, markdown, junit, summary, traces } = runFolder(folder);
  const shown = [
    ["report", html],
    ["markdown", markdown],
    ["junit", junit],
    ["summary", summary],
    ["traces", traces],
  ] as const;
  return shown.map(([what, path]) => `${what.padEnd(9)} ${relative(".", path)}`);
}

function listening(host: Host, listener: (signal: NodeJS.Signals) => void): Disposable {
  const stop = host.onSignal(listener);
  return { [Symbol.dispose]: stop };
}

/** All of a run but who watches it. */
function optionsOf(
  host: Host,
  file: string,
  flags: RunFlags,
  loaded: Loaded,
): Omit<RunOptions, "interrupt" | "observer"> {
  return {
    ...loaded,
    watchdog: new URL("watchdog-main.ts", import.meta.url),
    file,
    runsFolder: resolve(flags.runs),
    seed: flags.seed,
    k6: host.env["SQUALL_K6"] || undefined,
    promtool: host.env["SQUALL_PROMTOOL"] || undefined,
    forward: flags.forward,
    metricsListen: flags.metricsListen,
    jaeger: flags.jaeger,
    command: commandLine(file, flags, loaded.runtime),
    version,
    beyondLimits: flags.beyondLimits,
    clock: host.clock,
  };
}

async function printPlan(host: Host, file: string, flags: RunFlags, loaded: Loaded): Promise<void> {
  const { experiment, target, settings } = loaded;
  const deeds = await dryRun({ ...optionsOf(host, file, flags, loaded), clock: host.clock });
  const radius = blastRadius(experiment, target);
  if (flags.json === true) {
    const { document: _document, ...plan } = experiment;
    return printJson(host, { experiment: plan, settings, blastRadius: radius, deeds });
  }
  print(
    host.stdout,
    ...experimentText({ ...experiment, settings }),
    ...radiusText(radius, exposedJourneys(experiment, target), target.limits),
    `takes     ${formatDuration(durationMsOf(experiment.phases))} of load, besides starting and settling`,
    "",
    ...deedsText(deeds),
    "",
    "nothing was done: this is a dry run",
  );
}

/** The command that does the same again. */
function commandLine(
  file: string,
  { set = {}, replicas = {}, seed, beyondLimits, project }: RunFlags,
  runtime: Runtime,
): string {
  const counts = Object.entries(replicas).map(([service, count]) => `${service}=${count}`);
  const flags = [
    ...Object.entries(set).map(([name, value]) => `--set ${quote(`${name}=${value}`)}`),
    ...(counts.length > 0 ? [`--replicas ${counts.join(",")}`] : []),
    ...(beyondLimits === undefined ? [] : [`--beyond-limits ${quote(beyondLimits)}`]),
    ...(runtime.name === "process" ? [] : [`--runtime ${runtime.name}`]),
    ...(project === undefined ? [] : [`--project ${quote(project)}`]),
  ];
  return ["npx squall run", quote(file), ...flags, `--seed ${quote(seed)}`].join(" ");
}

function quote(word: string): string {
  return /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
