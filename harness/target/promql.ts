/**
 * Names in queries of PromQL: no more of its grammar than it takes to tell metrics from functions and labels, and what is
 * compared with a number. Whether a query is right, and what it comes to, is for Prometheus to say.
 */

/** `http_requests_total{job="order",status!="200"}` in a query. */
export interface Selector {
  readonly metric: string;
  /** Every label that it is matched by. */
  readonly labels: readonly string[];
  /** By label: the one value that it must have. */
  readonly equal: ReadonlyMap<string, string>;
}

/** What a query names. */
export interface Named {
  readonly metrics: ReadonlySet<string>;
  /** By metric: the labels that it is matched by. */
  readonly matched: ReadonlyMap<string, ReadonlySet<string>>;
  /** Labels by which something is grouped or joined. */
  readonly grouped: ReadonlySet<string>;
}

export const comparisons = [">", ">=", "<", "<="] as const;

/** `slo:bad:ratio_rate30s{slo="checkout"} > 0.072` in a query: it holds only where this does, or another beside it. */
export interface Condition {
  readonly expr: string;
  readonly comparison: (typeof comparisons)[number];
  readonly threshold: number;
}

const words = new Set([
  "and",
  "or",
  "unless",
  "by",
  "on",
  "without",
  "ignoring",
  "group_left",
  "group_right",
  "bool",
  "Inf",
  "NaN",
]);

const grouping = /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;

/** Strings give way to their number, so that nothing in them is taken for the query's own. */
function maskStrings(query: string): { readonly bare: string; readonly strings: readonly string[] } {
  const strings: string[] = [];
  const bare = query.replaceAll(
    /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g,
    (text) => `"${strings.push(text) - 1}"`,
  );
  return { bare, strings };
}

/** Every selector of a query, in its order. */
export function selectorsIn(query: string): readonly Selector[] {
  const { bare, strings } = maskStrings(query);
  const selectors: Selector[] = [];
  for (const [, metric = "", matchers = "", call] of bare
    .replaceAll(/\[[^\]]*\]|\boffset\s+-?\w+/g, " ")
    .replaceAll(grouping, " ")
    .matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)(?:\s*\{([^}]*)\}|\s*(\())?/g)) {
    if (call !== undefined || words.has(metric)) continue;
    const found = [...matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"(\d+)"/g)];
    selectors.push({
      metric,
      labels: found.map(([, label = ""]) => label),
      equal: new Map(
        found.flatMap(([, label = "", operator, index]) =>
          operator === "=" ? [[label, (strings[Number(index)] ?? "").slice(1, -1)] as const] : [],
        ),
      ),
    });
  }
  return selectors;
}

export function namesIn(query: string): Named {
  const matched = new Map<string, Set<string>>();
  for (const { metric, labels } of selectorsIn(query)) {
    const known = matched.get(metric) ?? new Set<string>();
    for (const label of labels) known.add(label);
    matched.set(metric, known);
  }
  const grouped = [...maskStrings(query).bare.matchAll(grouping)].flatMap(([, labels = ""]) =>
    labels.split(",").map((label) => label.trim()),
  );
  return {
    metrics: new Set(matched.keys()),
    matched,
    grouped: new Set(grouped.filter((label) => label !== "")),
  };
}

/** The comparisons of a selector with a number that stand by themselves, or joined by `and`, `or` and `unless`. */
export function conditionsIn(query: string): readonly Condition[] {
  const { bare, strings } = maskStrings(query);
  const found = bare.matchAll(
    /(?<=(?:^|\b(?:and|or|unless)\b)[\s(]*)([a-zA-Z_:][\w:]*(?:\{[^}]*\})?)\s*(>=|<=|>|<)\s*(-?\d[\d.]*(?:e[+-]?\d+)?)(?=[\s)]*(?:$|\b(?:and|or|unless)\b))/g,
  );
  return [...found].flatMap(([, selector = "", operator, number]) => {
    const comparison = comparisons.find((one) => one === operator);
    if (comparison === undefined) return [];
    const expr = selector.replaceAll(/"(\d+)"/g, (_all, index) => strings[Number(index)] ?? "");
    return [{ expr, comparison, threshold: Number(number) }];
  });
}

/** The ranges of a query, `[5m]`, in milliseconds. */
export function rangesIn(query: string): readonly number[] {
  const { bare } = maskStrings(query);
  return [...bare.matchAll(/\[\s*(\w+)[^\]]*\]/g)].flatMap(([, range = ""]) => promDurationMs(range) ?? []);
}

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

/** "1h30m" -> milliseconds; `undefined` where it is no duration of Prometheus. */
export function promDurationMs(text: string): number | undefined {
  if (!/^(?:\d+(?:ms|[smhdwy]))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)(ms|[smhdwy])/g)].reduce(
    (sumMs, [, count, unit = ""]) => sumMs + Number(count) * (unitsMs[unit] ?? 0),
    0,
  );
}
