import type { JournalLine } from "../record/journal.ts";
import type { Summary } from "../record/summary.ts";
import { formatDuration } from "../base/units.ts";

/** What a reader of the report should see on the timeline, in words. */
export function timelineEvents(journal: readonly JournalLine[], zeroMs: number): Summary["timeline"] {
  return journal.flatMap((line) => {
    const text = textOf(line);
    return text === undefined ? [] : [{ atMs: line.atMs - zeroMs, event: line.event, text }];
  });
}

function textOf(line: JournalLine): string | undefined {
  switch (line.event) {
    case "run-started":
    case "undo-planned":
    case "watchdog-started":
    case "run-ended":
      return undefined;
    case "limits-exceeded":
      return `beyond the limits of the target, because: ${line.reason} (${line.breaches.join("; ")})`;
    case "fleet-ready":
      return `fleet ready after ${formatDuration(line.durationMs)}`;
    case "load-started":
      return `load started: ${line.journey} ${line.arrivals ?? `at ${line.ratePerSecond}/s`}`;
    case "phase-started":
      return `${line.phase === "warmup" ? "warm-up" : line.phase} began`;
    case "preflight":
      return `pre-flight ${line.passed ? "passed" : "refused"}: ${line.check} (${line.detail})`;
    case "fault-injected":
      return `injected: ${line.detail}`;
    case "fault-repeated":
      return `again: ${line.fault}, ${line.faultKind} on ${line.process} (${line.times} times)`;
    case "fault-undone":
      return `undone by ${line.by}: ${line.fault}, in ${formatDuration(line.durationMs)}`;
    case "process-ended":
      return `${line.process} ended: ${line.detail}`;
    case "undo-failed":
      return `not undone: ${line.fault}: ${line.message}`;
    case "watchdog-took-over":
      return `the watchdog took over: ${line.why}`;
    case "lease-lost":
      return `the run lost its lease: ${line.why}`;
    case "guard-tripped":
      return `guard tripped: ${line.guard} (${line.detail})`;
    case "interrupted":
      return `interrupted by ${line.signal}`;
    case "load-ended":
      return `load ended: ${line.started} of ${line.intended} journeys started`;
    case "settled":
      return `settled after ${formatDuration(line.durationMs)}: ${line.detail}`;
    case "collected":
      return `evidence collected: ${line.detail}`;
    case "failed":
      return `failed: ${line.message}`;
    case "recovered":
      return `recovered: ${line.detail}`;
  }
}
