import { jobs, quantileBy, rateBy, type Board } from "../board.ts";

const chosen = `job=~"$job"`;

export const resources: Board = {
  uid: "squall-resources",
  title: "Databases and event loop",
  description: "What each service has to work with, how much of it is in use, and who waits for it.",
  variables: [jobs],
  panels: [
    {
      title: "Are there connections enough?",
      description: "Share of the connections to its database that a service has in use.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [
        {
          expr: `sum by (job) (database_pool_connections{${chosen},state="in-use"}) / sum by (job) (database_pool_connections_limit{${chosen}})`,
          legend: "{{job}}",
        },
      ],
      threshold: { value: 0.9, badIs: "above" },
    },
    {
      title: "Who waits for a connection?",
      description:
        "95 of 100 times a connection was had within this. More than a moment is a pool that is too small.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        {
          expr: quantileBy("job", 0.95, `database_connection_wait_seconds_bucket{${chosen}}`),
          legend: "{{job}}",
        },
      ],
      threshold: { value: 0.1, badIs: "above" },
    },
    {
      title: "Which database is slow?",
      description: "95 of 100 statements are answered within this. A point leads to a trace.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        {
          expr: quantileBy("job", 0.95, `database_query_duration_seconds_bucket{${chosen}}`),
          legend: "{{job}}-db",
          hasExemplars: true,
        },
      ],
      threshold: { value: 0.25, badIs: "above" },
    },
    {
      title: "Is an event loop full?",
      description: "Share of time at work. At 1 everything in the process waits.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [
        {
          expr: rateBy("job, instance", `nodejs_eventloop_time_seconds_total{${chosen},state="active"}`),
          legend: "{{job}} {{instance}}",
        },
      ],
      threshold: { value: 0.9, badIs: "above" },
    },
    {
      title: "How late does it get to things?",
      description:
        "99 of 100 timers of 10 ms took no longer than this since the last scrape: 10 ms is no delay.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [{ expr: `max by (job) (nodejs_eventloop_lag_p99_seconds{${chosen}})`, legend: "{{job}}" }],
      threshold: { value: 0.1, badIs: "above" },
    },
    {
      title: "How much memory is in use?",
      description: "Resident memory, and what of the heap is used.",
      kind: "lines",
      unit: "bytes",
      width: 8,
      queries: [
        {
          expr: `max by (job, instance) (process_resident_memory_bytes{${chosen}})`,
          legend: "{{job}} {{instance}}",
        },
        {
          expr: `max by (job, instance) (nodejs_heap_size_used_bytes{${chosen}})`,
          legend: "{{job}} {{instance}} heap",
        },
      ],
    },
  ],
};
