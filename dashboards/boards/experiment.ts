import { failed, quantileBy, rateBy, type Board } from "../board.ts";

const requests = "http_server_request_duration_seconds";
const entry = `job="gateway",route!~"/live|/ready|/metrics"`;
/** There is no fault at all, or none any more, where this has no value. */
const faulty = 'max(chaos_fault_active{run=~"$run"}) > 0';
const during = (expr: string): string => `(${expr}) and on () (${faulty})`;
const without = (expr: string): string => `(${expr}) unless on () (${faulty})`;
/** Nothing failed is a share of 0, not none. */
const errors = `(sum(rate(${requests}_count{${entry},${failed}}[$__rate_interval])) or vector(0)) / sum(rate(${requests}_count{${entry}}[$__rate_interval]))`;
const p95 = `histogram_quantile(0.95, sum by (le) (rate(${requests}_bucket{${entry}}[$__rate_interval])))`;

export const experiment: Board = {
  uid: "squall-experiment",
  title: "Experiment",
  description:
    "A run of Squall: its load, its faults (marked on every panel), and the shop before, during and after.",
  variables: [{ name: "run", label: "run", of: "chaos_fault_active", isMany: true }],
  panels: [
    {
      title: "Which faults are there?",
      description: "1 while a fault is on its edge.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [
        { expr: 'max by (fault, edge) (chaos_fault_active{run=~"$run"})', legend: "{{fault}} {{edge}}" },
      ],
    },
    {
      title: "Did the load arrive?",
      description: "Requests a second at the gateway, by route.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [
        { expr: rateBy("method, route", `${requests}_count{${entry}}`), legend: "{{method}} {{route}}" },
      ],
    },
    {
      title: "What did customers notice: failures?",
      description: "Share of requests at the gateway that failed, with a fault and without.",
      kind: "lines",
      unit: "percentunit",
      width: 12,
      queries: [
        { expr: without(errors), legend: "before and after" },
        { expr: during(errors), legend: "during a fault" },
      ],
      threshold: { value: 0.01, badIs: "above" },
    },
    {
      title: "What did customers notice: waiting?",
      description: "95 of 100 requests at the gateway are answered within this. A point leads to a trace.",
      kind: "lines",
      unit: "s",
      width: 12,
      queries: [
        { expr: without(p95), legend: "before and after", hasExemplars: true },
        { expr: during(p95), legend: "during a fault", hasExemplars: true },
      ],
      threshold: { value: 1.5, badIs: "above" },
    },
    {
      title: "On which edge did it begin?",
      description: "95 of 100 attempts get their answer within this, by edge.",
      kind: "lines",
      unit: "s",
      width: 12,
      queries: [
        {
          expr: quantileBy("job, callee", 0.95, "callee_attempt_duration_seconds_bucket"),
          legend: "{{job}} -> {{callee}}",
        },
      ],
    },
    {
      title: "What came of orders?",
      description: "Orders a second, by what became of them.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [{ expr: rateBy("change", "order_orders_total"), legend: "{{change}}" }],
    },
  ],
};
