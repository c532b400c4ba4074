import { Counter, Gauge, type OpenMetricsContentType, type Registry } from "prom-client";

/** Adds what a process of the harness takes, under the names that prom-client gives them everywhere. */
export function addProcessMetrics(registry: Registry<OpenMetricsContentType>): void {
  new Counter({
    name: "process_cpu_seconds_total",
    help: "Processor time of the process, in seconds.",
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Memory of the process, in bytes.",
    registers: [registry],
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  let before = performance.eventLoopUtilization();
  new Gauge({
    name: "nodejs_eventloop_utilization",
    help: "Share of the time since the last look in which the event loop had something to do.",
    registers: [registry],
    collect() {
      const now = performance.eventLoopUtilization();
      this.set(performance.eventLoopUtilization(now, before).utilization);
      before = now;
    },
  });
}
