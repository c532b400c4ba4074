import { failed, jobs, quantileBy, rateBy, type Board } from "../board.ts";

const requests = "http_server_request_duration_seconds";
const own = `job="$job",route!~"/live|/ready|/metrics"`;

export const service: Board = {
  uid: "squall-service",
  title: "One service",
  description: "What is asked of a service, how it answers, and what it waits for.",
  variables: [{ ...jobs, isMany: false }],
  panels: [
    {
      title: "What is asked of it?",
      description: "Requests a second, by route.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [
        { expr: rateBy("method, route", `${requests}_count{${own}}`), legend: "{{method}} {{route}}" },
      ],
    },
    {
      title: "Which routes fail?",
      description: "Faults, and requests whose client left before they were answered, a second.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [
        {
          expr: rateBy("method, route, status", `${requests}_count{${own},${failed}}`),
          legend: "{{status}} {{method}} {{route}}",
        },
      ],
    },
    {
      title: "Which routes are slow?",
      description: "95 of 100 requests are answered within this. A point leads to the trace of a request.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        {
          expr: quantileBy("method, route", 0.95, `${requests}_bucket{${own}}`),
          legend: "{{method}} {{route}}",
          hasExemplars: true,
        },
      ],
      threshold: { value: 1.5, badIs: "above" },
    },
    {
      title: "Is too much under way?",
      description: "Requests under way, by replica. Where shedding is on, 256 are the most.",
      kind: "lines",
      unit: "short",
      width: 8,
      queries: [{ expr: 'http_server_requests_in_flight{job="$job"}', legend: "{{instance}}" }],
      threshold: { value: 256, badIs: "above" },
    },
    {
      title: "Which call does it wait for?",
      description: "95 of 100 calls, with all their attempts, end within this.",
      kind: "lines",
      unit: "s",
      width: 8,
      queries: [
        {
          expr: quantileBy("callee", 0.95, 'callee_call_duration_seconds_bucket{job="$job"}'),
          legend: "{{callee}}",
          hasExemplars: true,
        },
        {
          expr: 'histogram_quantile(0.95, sum by (le) (rate(database_query_duration_seconds_bucket{job="$job"}[$__rate_interval])))',
          legend: "its database",
        },
      ],
    },
    {
      title: "Is its processor busy?",
      description:
        "Share of time that the event loop was at work, by replica. At 1 nothing more goes through.",
      kind: "lines",
      unit: "percentunit",
      width: 8,
      queries: [
        {
          expr: rateBy("instance", 'nodejs_eventloop_time_seconds_total{job="$job",state="active"}'),
          legend: "{{instance}}",
        },
      ],
      threshold: { value: 0.9, badIs: "above" },
    },
  ],
};
