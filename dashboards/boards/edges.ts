import { jobs, quantileBy, rateBy, type Board } from "../board.ts";

const chosen = `job=~"$job",callee=~"$callee"`;
/** What is no answer, or one that says that the callee failed. */
const bad = `outcome!~"[1-4]..|cancelled"`;

export const edges: Board = {
  uid: "squall-edges",
  title: "Edges",
  description:
    "Each call from one service to another, to the outside world and to a database, as its caller saw it.",
  variables: [jobs, { name: "callee", label: "callee", of: 'callee_calls_total{job=~"$job"}', isMany: true }],
  panels: [
    {
      title: "Which edges fail?",
      description: "Share of calls, with all their attempts, that got no answer or one of 500 and above.",
      kind: "lines",
      unit: "percentunit",
      width: 12,
      queries: [
        {
          expr: `${rateBy("job, callee", `callee_call_duration_seconds_count{${chosen},${bad}}`)} / ${rateBy("job, callee", `callee_call_duration_seconds_count{${chosen}}`)}`,
          legend: "{{job}} -> {{callee}}",
        },
      ],
      threshold: { value: 0.01, badIs: "above" },
    },
    {
      title: "Which edges are slow?",
      description: "95 of 100 attempts get their answer within this. A point leads to a trace.",
      kind: "lines",
      unit: "s",
      width: 12,
      queries: [
        {
          expr: quantileBy("job, callee", 0.95, `callee_attempt_duration_seconds_bucket{${chosen}}`),
          legend: "{{job}} -> {{callee}}",
          hasExemplars: true,
        },
      ],
    },
    {
      title: "What came of the attempts?",
      description: "Attempts a second by status, or by why there was no answer.",
      kind: "lines",
      unit: "reqps",
      width: 12,
      queries: [
        {
          expr: rateBy("job, callee, outcome", `callee_attempt_duration_seconds_count{${chosen}}`),
          legend: "{{job}} -> {{callee}} {{outcome}}",
        },
      ],
    },
    {
      title: "How many attempts does a call take?",
      description: "Above 1 are retries and hedges; below 1, calls that were not sent.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [
        {
          expr: `${rateBy("job, callee", `callee_attempt_duration_seconds_count{${chosen}}`)} / ${rateBy("job, callee", `callee_calls_total{${chosen}}`)}`,
          legend: "{{job}} -> {{callee}}",
        },
      ],
      threshold: { value: 1.1, badIs: "above" },
    },
    {
      title: "Which database does not answer?",
      description: "Statements a second that were refused, in conflict with others, or unanswered.",
      kind: "lines",
      unit: "reqps",
      width: 24,
      queries: [
        {
          expr: rateBy("job, outcome", 'database_query_duration_seconds_count{job=~"$job",outcome!="done"}'),
          legend: "{{job}} -> {{job}}-db {{outcome}}",
        },
      ],
    },
  ],
};
