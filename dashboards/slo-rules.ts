import type { Slo } from "../harness/target/target.ts";
import { burnRateOf, shortestMs, type BurnWindow } from "./burn-rate.ts";

/** Prometheus' rules for the objectives of a target, as its rule files have them. */
export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Rule[];
}

export type Rule = RecordingRule | AlertRule;

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  /** For how long it holds before the alert fires. @default at once */
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleSet {
  readonly name: string;
  /** How often rules are evaluated. */
  readonly intervalMs: number;
  readonly windows: readonly BurnWindow[];
  /** How many times shorter than in production the windows are. */
  readonly scale: number;
}

/** @returns a group an objective: what share of its answers was bad, by window; what is left of its budget; its alerts */
export function sloRules(
  slos: readonly Slo[],
  { name, intervalMs, windows, scale }: RuleSet,
): readonly RuleGroup[] {
  return slos.map((slo) => {
    const lengths = new Set(windows.flatMap(({ longMs, shortMs }) => [longMs, shortMs]));
    const labels = { slo: slo.id };
    const windowMs = slo.windowMs / scale;
    const budget = budgetOf(slo);
    return {
      name: `${name}-${slo.id}`,
      interval: promDuration(intervalMs),
      rules: [
        ...[...lengths]
          .toSorted((one, other) => one - other)
          .map((lengthMs) => ({ record: badRatio(lengthMs), expr: badExpr(slo, lengthMs), labels })),
        { record: "slo:objective:ratio", expr: `vector(${slo.atLeastRatio})`, labels },
        { record: "slo:budget_left:ratio", expr: `1 - (${badExpr(slo, windowMs)}) / ${budget}`, labels },
        ...(["page", "ticket"] as const).flatMap((severity) => alert(slo, severity, windows, scale)),
      ],
    };
  });
}

function alert(
  slo: Slo,
  severity: BurnWindow["severity"],
  windows: readonly BurnWindow[],
  scale: number,
): readonly AlertRule[] {
  const own = windows.filter((window) => window.severity === severity);
  if (own.length === 0) return [];
  const selector = `{slo="${slo.id}"}`;
  const expr = own
    .map((window) => {
      const limit = Number((burnRateOf(window, slo.windowMs, scale) * budgetOf(slo)).toPrecision(6));
      const over = (lengthMs: number): string => `${badRatio(lengthMs)}${selector} > ${limit}`;
      return `(${over(window.longMs)} and ${over(window.shortMs)})`;
    })
    .join(" or ");
  return [
    {
      alert: alertName(slo),
      expr,
      labels: { severity, slo: slo.id, service: slo.service },
      annotations: {
        summary: `${slo.title}: the error budget burns too fast`,
        description: `Less than ${formatPercent(slo.atLeastRatio)} of answers of ${slo.service} are good, and it goes on.`,
        dashboard: `/d/squall-slo?var-slo=${slo.id}`,
      },
    },
  ];
}

/** Long enough for a restart; in an experiment no shorter than what a rate takes. */
const downForMs = 60_000;

/**
 * What no objective can see: one counts what its service answers, and a service of which no copy runs answers nothing, so that its
 * own promises are all kept.
 */
export function downRules(
  slos: readonly Slo[],
  { name, intervalMs, scale }: Omit<RuleSet, "windows">,
): RuleGroup {
  const services = [...new Set(slos.map(({ service }) => service))].toSorted();
  return {
    name: `${name}-down`,
    interval: promDuration(intervalMs),
    rules: [
      {
        alert: "ServiceDown",
        expr: `max by (job) (up{job=~"${services.join("|")}"}) == 0`,
        for: promDuration(Math.max(shortestMs, downForMs / scale)),
        labels: { severity: "page" },
        annotations: {
          summary: "{{ $labels.job }} is down",
          description:
            "No copy of it can be scraped. What it promises is not measured meanwhile: no other alert of it may fire.",
          dashboard: "/d/squall-fleet",
        },
      },
    ],
  };
}

/** "checkout-success" -> "CheckoutSuccessBurnRate". */
export function alertName({ id }: Pick<Slo, "id">): string {
  const words = id.split("-").map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  return `${words.join("")}BurnRate`;
}

export function badRatio(windowMs: number): string {
  return `slo:bad:ratio_rate${promDuration(windowMs)}`;
}

const requests = "http_server_request_duration_seconds";
/** The service failed, or took so long that its client left. */
const failed = `"5..|aborted"`;

/** The share of bad answers; nothing where there were none at all, neither good nor bad. */
function badExpr(slo: Slo, windowMs: number): string {
  const window = promDuration(windowMs);
  const where = [
    `job="${slo.service}"`,
    ...(slo.requests === undefined
      ? []
      : [`method="${slo.requests.method}"`, `route="${slo.requests.route}"`]),
  ];
  const rate = (suffix: string, ...matchers: readonly string[]): string =>
    `sum(rate(${requests}_${suffix}{${[...where, ...matchers].join(",")}}[${window}]))`;
  switch (slo.kind) {
    case "success":
      return `(${rate("count", `status=~${failed}`)} or vector(0)) / (${rate("count")} > 0)`;
    case "latency": {
      const good = rate("bucket", `status!~${failed}`, bucket(slo.atMostMs / 1_000));
      return `1 - ${good} / (${rate("count", `status!~${failed}`)} > 0)`;
    }
  }
}

/** A whole number is "1" as the services write it and "1.0" as Prometheus 3 keeps it. */
function bucket(seconds: number): string {
  return Number.isInteger(seconds) ? `le=~"${seconds}|${seconds}.0"` : `le="${seconds}"`;
}

function budgetOf({ atLeastRatio }: Slo): number {
  return Number((1 - atLeastRatio).toPrecision(6));
}

function formatPercent(ratio: number): string {
  return `${Number((ratio * 100).toPrecision(6))} %`;
}

/** 90000 -> "90s", 3600000 -> "1h": Prometheus takes whole numbers alone. */
export function promDuration(durationMs: number): string {
  for (const [unit, unitMs] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const)
    if (durationMs % unitMs === 0) return `${durationMs / unitMs}${unit}`;
  return `${Math.round(durationMs)}ms`;
}
