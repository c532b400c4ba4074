import { quantileBy, rateBy, type Board } from "../board.ts";

/** Of the engine: names that services have as well. */
const engine = `job="squall"`;

export const harness: Board = {
  uid: "squall-harness",
  title: "The harness itself",
  description:
    "Whether a run can be trusted: what was broken and when, whether the load arrived, what Squall took.",
  variables: [{ name: "run", label: "run", of: "chaos_run_phase", isMany: true }],
  panels: [
    {
      title: "What is broken, and in which phase is the run?",
      description:
        "1 while a fault is in place, and 1 for the phase. A fault outside of its phase is none of the plan.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [
        { expr: 'max by (fault, edge) (chaos_fault_active{run=~"$run"})', legend: "{{fault}} {{edge}}" },
        { expr: 'max by (phase) (chaos_run_phase{run=~"$run"}) > 0', legend: "{{phase}}" },
      ],
    },
    {
      title: "Did all that should start, start?",
      description:
        "Journeys a second that should have started, and that did. Where the second is less, the load did not arrive.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [
        { expr: "sum(rate(squall_load_arrivals_total[$__rate_interval]))", legend: "should start" },
        { expr: "sum(rate(squall_load_starts_total[$__rate_interval]))", legend: "started" },
      ],
    },
    {
      title: "How late did they start?",
      description: "Against the plan, so far in the run. A verdict bears 100 ms at the 99th percentile.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        { expr: "max(squall_load_start_lateness_p99_seconds)", legend: "99 of 100" },
        { expr: "max(squall_load_start_lateness_max_seconds)", legend: "the latest" },
      ],
      threshold: { value: 0.1, badIs: "above" },
    },
    {
      title: "Was the driver the bottleneck?",
      description: "Share of a processor that it took, in its worst seconds so far. A verdict bears 90 %.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [{ expr: "max(squall_load_driver_cpu_ratio)", legend: "of a processor" }],
      threshold: { value: 0.9, badIs: "above" },
    },
    {
      title: "Did the driver stand still?",
      description: "The longest that it did nothing, so far. A verdict bears a second.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [{ expr: "max(squall_load_driver_stall_max_seconds)", legend: "the longest" }],
      threshold: { value: 1, badIs: "above" },
    },
    {
      title: "How did journeys end?",
      description:
        "Journeys a second, by how they ended: ok, fail, or unknown where a request had no whole answer.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [{ expr: rateBy("completion", "squall_load_journeys_total"), legend: "{{completion}}" }],
    },
    {
      title: "Why did they not end well?",
      description:
        "Journeys a second that failed, by why. not-sent never were: then the driver had no connection free.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [{ expr: rateBy("error", "squall_load_journey_errors_total"), legend: "{{error}}" }],
    },
    {
      title: "How long did customers wait?",
      description: "95 of 100 journeys are over within this, from when they should have started.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        {
          expr: quantileBy("journey", 0.95, "squall_load_journey_duration_seconds_bucket"),
          legend: "{{journey}}",
        },
      ],
    },
    {
      title: "Did telemetry arrive?",
      description:
        "Spans a second by service, and those that the receiver could not keep, of which there should be none.",
      kind: "lines",
      unit: "short",
      width: 8,
      queries: [
        { expr: rateBy("service", "squall_receiver_spans_total"), legend: "{{service}}" },
        { expr: "sum(rate(squall_receiver_dropped_spans_total[$__rate_interval]))", legend: "not kept" },
      ],
    },
    {
      title: "Did scrapes?",
      description:
        "Scrapes a second by whether they were answered. One that fails is a gap in every graph of its service.",
      kind: "lines",
      unit: "short",
      width: 8,
      queries: [{ expr: rateBy("outcome", "squall_scrapes_total"), legend: "{{outcome}}" }],
    },
    {
      title: "What does the engine take?",
      description: "Share of a processor, and of its time in which its event loop had something to do.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [
        { expr: `sum(rate(process_cpu_seconds_total{${engine}}[$__rate_interval]))`, legend: "processor" },
        { expr: `max(nodejs_eventloop_utilization{${engine}})`, legend: "event loop" },
      ],
      threshold: { value: 0.9, badIs: "above" },
    },
  ],
};
