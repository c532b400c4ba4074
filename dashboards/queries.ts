import { boards } from "./boards.ts";
import type { RecordingRule } from "./slo-rules.ts";

/** What boards ask, as a test can ask it without a Grafana. */
export interface BoardQuery {
  /** With Grafana's variables filled in. */
  readonly query: string;
  /** "squall-edges: Which call fails? …" */
  readonly asked: string;
}

export function boardQueries(): readonly BoardQuery[] {
  return boards.flatMap(({ uid, panels }) =>
    panels.flatMap(({ title, queries }) =>
      queries.map(({ expr }) => {
        const query = expr
          .replaceAll("$__rate_interval", "30s")
          .replaceAll('job="$job"', 'job="gateway"')
          .replaceAll(/\$\w+/g, ".+");
        return { query, asked: `${uid}: ${title} ${query}` };
      }),
    ),
  );
}

/** A query with what rules record asked as the rules ask it: for metrics that no rule has been over. */
export function withoutRecordings(query: string, recordings: readonly RecordingRule[]): string {
  return query.replaceAll(/\b(slo:[\w:]+)(?:\{([^}]*)\})?/g, (_, name: string, selector = "") => {
    const slo = /\bslo="([^"]+)"/.exec(String(selector))?.[1];
    const asked = recordings.filter(
      ({ record, labels }) => record === name && (slo === undefined || labels["slo"] === slo),
    );
    if (asked.length === 0) throw new Error(`no rule records ${name}`);
    const one = ({ expr, labels }: RecordingRule): string =>
      `label_replace(${expr}, "slo", "${labels["slo"]}", "", "")`;
    return `(${asked.map(one).join(" or ")})`;
  });
}
