import { availableParallelism, totalmem } from "node:os";
import { basename, resolve } from "node:path";
import { formatAddress, type Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { formatEdge } from "../base/edge.ts";
import { SquallError, exitCodes, messageOf } from "../base/errors.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { isEdgeFault } from "../experiment/fault.ts";
import { describeBreach } from "../experiment/limit-breach.ts";
import type { ProxyApi } from "../faults/proxy-api.ts";
import { requireInjectable } from "../faults/require-injectable.ts";
import type { ExperimentRecord } from "../record/experiment-record.ts";
import type { JournalEvent, JournalLine } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Summary } from "../record/summary.ts";
import type { Fleet, Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import { findAlerts, keepAlerts } from "./alert-evaluation.ts";
import { conduct } from "./conduct.ts";
import { realDeeds, type Deeds } from "./deeds.ts";
import { forwardRunTrace } from "./forward-run-trace.ts";
import type { LiveState } from "./live-reporter.ts";
import { requireAble } from "./processes.ts";
import { checkLimits } from "./run-limits.ts";
import { recordRunTrace } from "./record-run-trace.ts";
import { summarize } from "./summarize.ts";

/**
 * One run of an experiment, from a fleet that is up (or started for it) to a verdict.
 *
 *   lock → fleet → load ─┬ warm-up → baseline → pre-flight → inject … undo → recovery ┬→ settle → collect → judge
 *                        └ a guard, an interrupt or an error: undo at once ────────────┘
 *
 * Whatever happens in between, the faults are undone, the run folder is left readable, and the fleet that the run
 * started is stopped.
 */

export interface RunOptions {
  readonly experiment: Experiment;
  readonly target: Target;
  readonly runtime: Runtime;
  /** The module that a watchdog's process runs: it calls `serveWatchdog`, and knows this runtime by its name. */
  readonly watchdog: URL;
  /** The experiment's file as the user named it. */
  readonly file: string;
  readonly runsFolder: string;
  readonly seed: string;
  /** Value of each of the target's settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** How many replicas a service shall have, by its name; a fleet that is up keeps what it has of the others. */
  readonly replicas: Readonly<Record<string, number>>;
  /** The program that is k6, where the user names one. */
  readonly k6?: string | undefined;
  /** The program that is promtool, where the user names one. */
  readonly promtool?: string | undefined;
  /** URL of another OTLP endpoint's traces, which spans are passed on to. @default nowhere */
  readonly forward?: string | undefined;
  /** Where the harness' own metrics are shown while the run goes on. @default nowhere */
  readonly metricsListen?: Address | undefined;
  /** Base URL of the Jaeger that the run's traces are looked at in, where the user names one. */
  readonly jaeger?: string | undefined;
  /** The command that repeats this run. */
  readonly command: string;
  readonly version: string;
  /** Aborted by SIGINT or SIGTERM with the signal's name as reason: undo, report, then stop. */
  readonly interrupt: AbortSignal;
  readonly observer: RunObserver;
  /** Why the run may go beyond the limits of its target, in the user's words. @default it may not */
  readonly beyondLimits?: string | undefined;
  /** @default the machine's */
  readonly clock?: Clock;
}

export interface RunObserver {
  onJournal(line: JournalLine): void;
  onLive(state: LiveState): void;
}

export interface RunOutcome {
  /** Absolute path of the run folder. */
  readonly folder: string;
  readonly summary: Summary;
  /** 130 when interrupted, else by the verdict. */
  readonly exitCode: number;
}

/**
 * Runs an experiment and judges it.
 * @throws as {@link carryOut}
 * @throws {SQUALL_PREFLIGHT} when alerts are named, and promtool is not there or refuses their rules
 */
export async function runExperiment(options: RunOptions): Promise<RunOutcome> {
  const alerts = await findAlerts(options.experiment, options.target, options.promtool);
  return carryOut(options, realDeeds(options.clock), async (folder, write) => {
    const { interrupt, forward, observer } = options;
    if (alerts !== undefined) {
      observer.onLive({ phase: "judging", message: "promtool evaluates the alert rules" });
      await keepAlerts(alerts, folder);
    }
    observer.onLive({ phase: "judging", message: "reading the evidence" });
    const summary = await summarize(folder.path);
    const ownTrace = recordRunTrace(folder, summary);
    if (forward !== undefined)
      observer.onLive({
        phase: "judging",
        message: `the run's own trace: ${await forwardRunTrace(ownTrace, forward)}`,
      });
    const { outcome, exitCode: byVerdict } = summary.verdict;
    const exitCode = interrupt.aborted && outcome !== "not-recovered" ? exitCodes.interrupted : byVerdict;
    write({ event: "run-ended", verdict: outcome, exitCode });
    return { folder: folder.path, summary, exitCode };
  });
}

/**
 * Takes an experiment through its phases, and what came of it to `judge`, while the fleet is still this run's.
 * @throws {SQUALL_LIMITS} when it goes beyond the limits of its target; nothing was started
 * @throws {SQUALL_PREFLIGHT} when the system was not fit to be broken; nothing was injected
 * @throws {SQUALL_PREFLIGHT} when the load is k6's, and k6 is not there
 * @throws {SQUALL_LOCKED} when another run holds the fleet
 * @throws {SQUALL_FLEET_START} when the fleet did not come up
 * @throws {SQUALL_UNSUPPORTED} when the experiment breaks processes in a way that the runtime cannot, or edges in a way that
 * the fleet's proxy cannot
 * @throws {SQUALL_UNDO} when the run failed, and a fault could not be undone
 */
export async function carryOut<T>(
  options: RunOptions,
  deeds: Deeds,
  judge: (folder: RunFolder, write: (event: JournalEvent) => void) => Promise<T>,
): Promise<T> {
  const { target, runtime, interrupt } = options;
  const { clock } = deeds;
  const breaches = checkLimits(options, clock);
  requireAble(runtime, options.experiment);
  const k6 = options.experiment.load.engine === "k6" ? await deeds.findK6(options.k6) : undefined;
  await using _lock = await runtime.lock(target, `run ${options.file}`);
  interrupt.throwIfAborted();
  const attached = await runtime.attach(target);
  if (attached) requireSame(attached, options);

  const run = runName(options.file, new Date(clock.nowMs()));
  using files = deeds.openRun(resolve(options.runsFolder, run));
  const { folder, journal } = files;
  const stuck = new Map<string, string>();
  const write = (event: JournalEvent): void => {
    if (event.event === "undo-failed") stuck.set(event.fault, event.message);
    if (event.event === "fault-undone") stuck.delete(event.fault);
    options.observer.onJournal(journal.write(event));
  };
  write({
    event: "run-started",
    run,
    pid: process.pid,
    fleetState: runtime.stateFolder(target),
    ownsFleet: attached === undefined,
    runtime: runtime.name,
  });
  if (breaches.length > 0 && options.beyondLimits !== undefined)
    write({ event: "limits-exceeded", reason: options.beyondLimits, breaches: breaches.map(describeBreach) });

  try {
    const startedMs = clock.nowMs();
    const fleet =
      attached ??
      (await runtime.start(target, {
        settings: options.settings,
        replicas: options.replicas,
        seed: options.seed,
        logsFolder: folder.logs,
        isKept: false,
        signal: interrupt,
        onProgress: (message) => options.observer.onLive({ phase: "preparing", message }),
      }));
    try {
      write({
        event: "fleet-ready",
        proxyApi: fleet.proxyApi,
        entry: fleet.entry,
        durationMs: clock.nowMs() - startedMs,
      });
      const proxy = await deeds.openProxy(fleet.proxyApi);
      files.keepRecord(recordOf(options, { fleet, proxy, run, startedAtMs: clock.nowMs() }));
      requireInjectable(proxy, options.experiment.faults.filter(isEdgeFault));
      const onLive = (state: LiveState): void => options.observer.onLive(state);
      await conduct({ ...options, deeds, fleet, proxy, folder, k6, write, onLive });
    } finally {
      if (!attached) await fleet.stop();
    }
    return await judge(folder, write);
  } catch (cause) {
    const error = stuck.size === 0 ? cause : notUndone(stuck, cause);
    write({
      event: "failed",
      code: error instanceof SquallError ? error.code : "internal",
      message: messageOf(error),
    });
    write({
      event: "run-ended",
      verdict: "none",
      exitCode: error instanceof SquallError ? error.exitCode : exitCodes.internal,
    });
    throw error;
  }
}

/** A fault that may still be in place matters more than what ended the run. */
function notUndone(stuck: ReadonlyMap<string, string>, cause: unknown): SquallError {
  const failures = [...stuck].map(([fault, message]) => `${fault}: ${message}`);
  return new SquallError(
    "SQUALL_UNDO",
    [`could not be undone: ${failures.join("; ")}`, `the run ended with: ${messageOf(cause)}`].join("\n"),
    { hint: "squall recover tries again", cause },
  );
}

function requireSame(fleet: Fleet, { target, runtime, settings, replicas }: RunOptions): void {
  const otherSettings = Object.keys(settings).filter((name) => fleet.settings[name] !== settings[name]);
  const otherCounts = Object.keys(replicas).filter((name) => countOf(fleet, name) !== replicas[name]);
  if (otherSettings.length > 0) {
    const listed = otherSettings.map(
      (name) => `${name} is "${fleet.settings[name]}", the run wants "${settings[name]}"`,
    );
    throw new SquallError(
      "SQUALL_PREFLIGHT",
      `the fleet that is up has other settings: ${listed.join("; ")}`,
      {
        hint:
          runtime.name === "docker"
            ? `${otherSettings.map((name) => `${target.settings[name]?.env}=${settings[name]}`).join(" ")} docker compose up --wait`
            : "squall down, so that the run starts a fleet of its own",
      },
    );
  }
  if (otherCounts.length > 0) {
    const listed = otherCounts.map(
      (name) => `${name} has ${countOf(fleet, name)}, the run wants ${replicas[name]}`,
    );
    throw new SquallError(
      "SQUALL_PREFLIGHT",
      `the fleet that is up has other replicas: ${listed.join("; ")}`,
      {
        hint:
          runtime.name === "docker"
            ? "leave --replicas out: a stack of containers is taken as it is"
            : otherCounts.map((name) => `squall scale ${name} ${replicas[name]}`).join(" && "),
      },
    );
  }
}

function countOf({ replicas }: Fleet, service: string): number {
  return replicas.get(service)?.length ?? 0;
}

/** "2026-11-21T09-15-04-recommendation-down": sorts by time, legal in every file system. */
function runName(file: string, now: Date): string {
  const time = now.toISOString().slice(0, 19).replaceAll(":", "-");
  return `${time}-${basename(file).replace(/\.ya?ml$/, "")}`;
}

interface RunBegin {
  readonly fleet: Fleet;
  readonly proxy: ProxyApi;
  readonly run: string;
  readonly startedAtMs: number;
}

function recordOf(options: RunOptions, { fleet, proxy, run, startedAtMs }: RunBegin): ExperimentRecord {
  return {
    schemaVersion: 1,
    run,
    startedAtMs,
    file: options.file,
    seed: options.seed,
    settings: { ...options.settings },
    command: options.command,
    ...(options.jaeger === undefined ? {} : { jaeger: options.jaeger }),
    versions: {
      squall: options.version,
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
    },
    machine: { cpus: availableParallelism(), memoryBytes: totalmem() },
    experiment: options.experiment.document,
    target: options.target.document,
    experimentFile: options.experiment.file,
    targetFile: options.target.file,
    fleet: {
      runtime: options.runtime.name,
      entry: fleet.entry,
      proxyApi: fleet.proxyApi,
      proxy: { name: proxy.name, counts: proxy.counts },
      replicas: Object.fromEntries(
        [...fleet.replicas].flatMap(([service, { length }]) => (length > 1 ? [[service, length]] : [])),
      ),
      edges: fleet.edges.map((edge) => ({
        edge: formatEdge(edge),
        proxy: edge.proxy,
        listen: formatAddress(edge.listen),
        upstream: formatAddress(edge.upstream),
      })),
    },
  };
}
