import { badRatio } from "../slo-rules.ts";
import type { Board } from "../board.ts";

const chosen = `slo=~"$slo"`;
const minutes = (count: number): string => `${badRatio(count * 60_000)}{${chosen}}`;
const burn = (bad: string): string => `${bad} / on (slo) (1 - slo:objective:ratio{${chosen}})`;

export const slo: Board = {
  uid: "squall-slo",
  title: "Objectives and error budgets",
  description:
    "What the shop promises (slos of target.yaml), how well it keeps it, and how fast its budgets burn.",
  variables: [{ name: "slo", label: "objective", of: "slo:objective:ratio", isMany: true }],
  panels: [
    {
      title: "How much of each budget is left?",
      description: "Of the budget of the objective's whole window. Below 0 the promise is broken.",
      kind: "stat",
      unit: "percentunit",
      width: 24,
      queries: [{ expr: `slo:budget_left:ratio{${chosen}}`, legend: "{{slo}}" }],
      threshold: { value: 0, badIs: "below" },
    },
    {
      title: "How fast does it burn?",
      description:
        "1 spends the budget in just the objective's window. Above 14.4 for an hour, somebody is called.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [{ expr: burn(minutes(60)), legend: "{{slo}} over 1 h" }],
      threshold: { value: 14.4, badIs: "above" },
    },
    {
      title: "Does it still burn?",
      description: "The same over 5 minutes: what ends an alert soon after its cause.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [{ expr: burn(minutes(5)), legend: "{{slo}} over 5 min" }],
      threshold: { value: 14.4, badIs: "above" },
    },
    {
      title: "What share of answers was bad?",
      description: "Over 5 minutes, and over 6 hours.",
      kind: "lines",
      unit: "percentunit",
      width: 12,
      queries: [
        { expr: minutes(5), legend: "{{slo}} over 5 min" },
        { expr: minutes(360), legend: "{{slo}} over 6 h" },
      ],
    },
    {
      title: "Which alerts fire?",
      description: "1 for each alert that fires: of the objectives chosen, and of a service that is down.",
      kind: "lines",
      unit: "short",
      width: 12,
      queries: [
        {
          // That a service is down is of no objective.
          expr: `max by (alertname, severity, job) (ALERTS{slo=~"$slo|",alertstate="firing"})`,
          legend: "{{alertname}} {{severity}} {{job}}",
        },
      ],
    },
  ],
};
