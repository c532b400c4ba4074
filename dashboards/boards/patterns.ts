import { jobs, rateBy, type Board } from "../board.ts";

const chosen = `job=~"$job"`;

export const patterns: Board = {
  uid: "squall-patterns",
  title: "Resilience patterns",
  description:
    "What retries, budgets, breakers, bulkheads, hedges, shedding, fallbacks and idempotency do, and when.",
  variables: [jobs],
  panels: [
    {
      title: "Who tries again, and why?",
      description: "Retries a second, by edge and by what went wrong before.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [
        {
          expr: `${rateBy("job, callee, why", `callee_retries_total{${chosen}}`)} > 0`,
          legend: "{{job}} -> {{callee}} {{why}}",
        },
      ],
    },
    {
      title: "Whose retry budget is empty?",
      description: "What is left of ten extra attempts. At 0 a failure reaches the caller.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [
        {
          expr: `min by (job, callee) (callee_retry_budget_tokens{${chosen}})`,
          legend: "{{job}} -> {{callee}}",
        },
      ],
      threshold: { value: 1, badIs: "below" },
    },
    {
      title: "Which breakers are open?",
      description: "Share of replicas whose breaker for a callee is open.",
      kind: "lines",
      unit: "percentunit",
      width: 12,
      queries: [
        {
          expr: `avg by (job, callee) (callee_breaker_state{${chosen},state="open"})`,
          legend: "{{job}} -> {{callee}}",
        },
      ],
      threshold: { value: 0.01, badIs: "above" },
    },
    {
      title: "What was not sent?",
      description: "Attempts a second that an open breaker, a full bulkhead or a deadline held back.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [
        {
          expr: `${rateBy("job, callee, reason", `callee_not_sent_total{${chosen}}`)} > 0`,
          legend: "{{job}} -> {{callee}} {{reason}}",
        },
      ],
    },
    {
      title: "Who waits for room?",
      description: "Calls that wait for their turn in a bulkhead; 64 may, then calls are refused.",
      kind: "lines",
      unit: "short",
      width: 8,
      queries: [
        {
          expr: `sum by (job, callee) (callee_bulkhead_calls{${chosen},state="waiting"})`,
          legend: "{{job}} -> {{callee}}",
        },
      ],
      threshold: { value: 64, badIs: "above" },
    },
    {
      title: "Do hedges pay?",
      description: "Second attempts of slow reads a second: won are those that answered first.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [
        { expr: rateBy("job, outcome", `callee_hedges_total{${chosen}}`), legend: "{{job}} {{outcome}}" },
      ],
    },
    {
      title: "What is refused, replaced or recognised?",
      description:
        "Requests shed, too late on arrival, answered with a fallback, or known already, a second.",
      kind: "lines",
      unit: "reqps",
      width: 8,
      queries: [
        { expr: rateBy("job", `http_server_shed_total{${chosen}}`), legend: "{{job}} shed" },
        { expr: rateBy("job", `http_server_deadline_exceeded_total{${chosen}}`), legend: "{{job}} too late" },
        {
          expr: rateBy("job, fallback", `fallback_served_total{${chosen}}`),
          legend: "{{job}} without {{fallback}}",
        },
        {
          expr: rateBy("job, operation", `idempotency_duplicates_suppressed_total{${chosen}}`),
          legend: "{{job}} again {{operation}}",
        },
      ],
    },
  ],
};
