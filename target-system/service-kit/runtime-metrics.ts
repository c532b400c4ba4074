import { performance } from "node:perf_hooks";
import { collectDefaultMetrics, Counter, type Registry } from "prom-client";

/**
 * Of what prom-client tells of every process, what no question was ever answered by, and what is a gauge with the name of a
 * counter. Each is text in every scrape.
 */
const leftOut = [
  "process_virtual_memory_bytes",
  "process_heap_bytes",
  "nodejs_active_resources",
  "nodejs_active_resources_total",
  "nodejs_active_handles",
  "nodejs_active_handles_total",
  "nodejs_active_requests",
  "nodejs_active_requests_total",
  "nodejs_heap_space_size_total_bytes",
  "nodejs_heap_space_size_used_bytes",
  "nodejs_heap_space_size_available_bytes",
  "nodejs_eventloop_lag_min_seconds",
  "nodejs_eventloop_lag_stddev_seconds",
  "nodejs_eventloop_lag_p90_seconds",
];

/** Processor time, memory, files, garbage collection and the event loop of this process. */
export function measureRuntime(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of leftOut) registry.removeSingleMetric(name);
  new Counter({
    name: "nodejs_eventloop_time_seconds_total",
    help: "Time that the event loop was at work (active) and waited for something to do (idle), in seconds.",
    labelNames: ["state"] as const,
    registers: [registry],
    collect() {
      const { active, idle } = performance.eventLoopUtilization();
      this.reset();
      this.inc({ state: "active" }, active / 1_000);
      this.inc({ state: "idle" }, idle / 1_000);
    },
  });
}
