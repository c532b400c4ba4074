import { Counter, Gauge, Histogram, Registry, type OpenMetricsContentType } from "prom-client";
import { formatEdge } from "../base/edge.ts";
import { isEdgeFault, partOf } from "../experiment/fault.ts";
import type { JourneyProgress, LoadProgress } from "../load/driver.ts";
import type { RecorderFigures } from "../observe/metrics-recorder.ts";
import { addProcessMetrics } from "../observe/process-metrics.ts";
import { addReceiverMetrics, type ReceiverFigures } from "../observe/receiver-metrics.ts";
import { phaseNameSchema, type JournalEvent } from "../record/journal.ts";
import type { PlannedFault } from "./fault-plan.ts";

/**
 * The harness' own metrics of one run: what is broken and since when, in which phase the run is, how the load goes, what
 * the span receiver took and what the scrapes brought. They are kept with those of the fleet, so that a graph of the fleet
 * can show the fault beside it.
 */
export interface HarnessMetrics {
  readonly contentType: OpenMetricsContentType;
  text(): Promise<string>;
  /** @returns whether something has changed that should be kept at once: a fault or a phase */
  takeEvent(event: JournalEvent): boolean;
  takeProgress(progress: JourneyProgress): void;
}

export interface HarnessMetricsOptions {
  readonly run: string;
  readonly planned: readonly PlannedFault[];
  /** In which journeys' latency is asked about, in milliseconds: the histogram has a bound at each. */
  readonly thresholdsMs: readonly number[];
  /** What the span receiver says of itself; where it does not answer, its metrics stay as they were. */
  readonly receiver: () => Promise<ReceiverFigures>;
  readonly recorder: () => RecorderFigures;
}

/** After the load the run waits for stores and spans: a phase only here. */
const phases = [...phaseNameSchema.options, "settling"] as const;

const boundsSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function createHarnessMetrics(options: HarnessMetricsOptions): HarnessMetrics {
  const { run, planned, thresholdsMs } = options;
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const registers = [registry];

  const faultActive = new Gauge({
    name: "chaos_fault_active",
    help: "Whether a fault is in place (1) or not (0).",
    labelNames: ["fault", "kind", "edge", "process", "run"] as const,
    registers,
  });
  const setFault = (id: string, value: 0 | 1): void => {
    const one = planned.find((fault) => fault.id === id);
    if (one === undefined) return;
    const { fault } = one;
    const where = isEdgeFault(fault) ? { edge: formatEdge(fault.edge) } : { process: partOf(fault) };
    faultActive.set({ fault: id, kind: fault.kind, ...where, run }, value);
  };
  for (const { id } of planned) setFault(id, 0);

  const runPhase = new Gauge({
    name: "chaos_run_phase",
    help: "Whether the run is in this phase (1) or not (0).",
    labelNames: ["phase", "run"] as const,
    registers,
  });
  const enter = (phase: (typeof phases)[number] | undefined): void => {
    for (const one of phases) runPhase.set({ phase: one, run }, one === phase ? 1 : 0);
  };
  enter(undefined);

  const takeProgress = loadMetrics(registry, [...boundsSeconds, ...thresholdsMs.map((ms) => ms / 1_000)]);
  const askReceiver = receiverMetrics(registry, options.receiver);
  recorderMetrics(registry, options.recorder);
  addProcessMetrics(registry);

  return {
    contentType: registry.contentType,
    text() {
      askReceiver();
      return registry.metrics();
    },
    takeProgress,
    takeEvent(event) {
      if (event.event === "fault-injected") setFault(event.fault, 1);
      else if (event.event === "fault-undone") setFault(event.fault, 0);
      else if (event.event === "phase-started") enter(event.phase);
      else if (event.event === "load-ended") enter("settling");
      else return false;
      return true;
    },
  };
}

type AnyRegistry = Registry<OpenMetricsContentType>;

function loadMetrics(registry: AnyRegistry, buckets: readonly number[]): (progress: JourneyProgress) => void {
  const registers = [registry];
  const operations = new Counter({
    name: "squall_load_operations_total",
    help: "Requests of the load that ended, by the step of the journey they are.",
    labelNames: ["journey", "step", "completion"] as const,
    registers,
  });
  const journeys = new Counter({
    name: "squall_load_journeys_total",
    help: "Journeys of the load that ended.",
    labelNames: ["journey", "completion"] as const,
    registers,
  });
  const errors = new Counter({
    name: "squall_load_journey_errors_total",
    help: "Journeys of the load that did not end ok, by why; not-sent are those that never were.",
    labelNames: ["journey", "error"] as const,
    registers,
  });
  const durations = new Histogram({
    name: "squall_load_journey_duration_seconds",
    help: "Time from the intended start of a journey to its end; journeys that were never sent are left out.",
    labelNames: ["journey"] as const,
    buckets: [...new Set(buckets)].sort((one, other) => one - other),
    registers,
  });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const arrivals = counter("squall_load_arrivals_total", "Journeys that should have started.");
  const started = counter("squall_load_starts_total", "Journeys that have started.");
  const underWay = gauge("squall_load_under_way", "Journeys that are under way.");
  const lateP99 = gauge(
    "squall_load_start_lateness_p99_seconds",
    "How late journeys started, so far: 99th percentile.",
  );
  const lateMax = gauge(
    "squall_load_start_lateness_max_seconds",
    "How late a journey started at most, so far.",
  );
  const cpu = gauge(
    "squall_load_driver_cpu_ratio",
    "Share of a processor that the driver took, in its worst seconds.",
  );
  const stall = gauge(
    "squall_load_driver_stall_max_seconds",
    "The longest that the driver did nothing, so far.",
  );

  return (progress) => {
    arrivals.reset();
    arrivals.inc(progress.intended);
    started.reset();
    started.inc(progress.started);
    underWay.set(progress.underWay);
    for (const { count, ...step } of progress.steps) operations.inc(step, count);
    for (const { journey, completion, errorKind, intendedMs, endedMs } of progress.ended) {
      journeys.inc({ journey, completion });
      if (errorKind !== undefined) errors.inc({ journey, error: errorKind });
      if (errorKind !== "not-sent") durations.observe({ journey }, Math.max(0, endedMs - intendedMs) / 1_000);
    }
    if (!isOwn(progress)) return;
    const { lateP99Ms, lateMaxMs, cpuShare, stallMaxMs } = progress.health;
    lateP99.set(lateP99Ms / 1_000);
    lateMax.set(lateMaxMs / 1_000);
    cpu.set(cpuShare);
    stall.set(stallMaxMs / 1_000);
  };
}

/** Of Squall's own driver; k6 tells nothing of itself. */
function isOwn(progress: JourneyProgress): progress is LoadProgress {
  return "health" in progress;
}

/** @returns has the receiver asked; metrics do not wait for it: they tell what it said when it was last asked */
function receiverMetrics(registry: AnyRegistry, ask: HarnessMetricsOptions["receiver"]): () => void {
  let told: ReceiverFigures | undefined;
  let asking: Promise<void> | undefined;
  addReceiverMetrics(registry, () => told);
  return () => {
    asking ??= ask()
      .then(
        (stats) => void (told = stats),
        () => undefined, // whoever needs its answer asks it themselves
      )
      .finally(() => (asking = undefined));
  };
}

function recorderMetrics(registry: AnyRegistry, figures: HarnessMetricsOptions["recorder"]): void {
  new Counter({
    name: "squall_scrapes_total",
    help: "Scrapes of the run's targets, by whether they answered.",
    labelNames: ["outcome"] as const,
    registers: [registry],
    collect() {
      const { scrapes, failed } = figures();
      this.reset();
      this.inc({ outcome: "answered" }, scrapes - failed);
      this.inc({ outcome: "failed" }, failed);
    },
  });
}
