/**
 * A board, as we say it; dashboards/grafana/ makes Grafana's JSON of it. A panel asks a question in its title, and answers it
 * by queries whose every metric and label docs/metrics.md lists.
 */
export interface Board {
  readonly uid: `squall-${string}`;
  readonly title: string;
  readonly description: string;
  /** What the reader chooses: each a label whose values are those that `of` has. */
  readonly variables: readonly Variable[];
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: "job" | "callee" | "slo" | "run";
  readonly label: string;
  /** A metric that has it, with whatever it depends on: `callee_calls_total{job=~"$job"}`. */
  readonly of: string;
  readonly isMany: boolean;
}

export interface Panel {
  /** A question. */
  readonly title: string;
  /** What one sees, and what would be bad. */
  readonly description: string;
  readonly kind: "lines" | "stat";
  /** As Grafana names it: "reqps", "s", "percentunit". */
  readonly unit: string;
  /** Of 24. */
  readonly width: 6 | 8 | 12 | 24;
  readonly queries: readonly Query[];
  /** From this value on it is bad, or below it. */
  readonly threshold?: { readonly value: number; readonly badIs: "above" | "below" };
}

export interface Query {
  readonly expr: string;
  readonly legend: string;
  /** Whether each point may lead to a trace. @default false */
  readonly hasExemplars?: boolean;
}

/** Where a reader may go on: every board links to every other. */
export const tag = "squall";

export const failed = `status=~"5..|aborted"`;

/** `sum by (…) (rate(metric{…}[…]))`, over Grafana's own interval. */
export function rateBy(labels: string, series: string): string {
  return `sum by (${labels}) (rate(${series}[$__rate_interval]))`;
}

/** A quantile of a histogram of latencies, by labels. */
export function quantileBy(labels: string, quantile: number, histogram: string): string {
  return `histogram_quantile(${quantile}, sum by (le, ${labels}) (rate(${histogram}[$__rate_interval])))`;
}

export const jobs: Variable = {
  name: "job",
  label: "service",
  of: "http_server_requests_in_flight",
  isMany: true,
};
