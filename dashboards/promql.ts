/** What a query names. */
export interface Named {
  readonly metrics: ReadonlySet<string>;
  /** By metric: the labels that it is matched by. */
  readonly matched: ReadonlyMap<string, ReadonlySet<string>>;
  /** Labels by which something is grouped or joined. */
  readonly grouped: ReadonlySet<string>;
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
]);

/**
 * The names in a query of PromQL: no more of its grammar than it takes to tell metrics from functions and labels. Whether
 * the query is right is for Prometheus to say.
 */
export function namesIn(query: string): Named {
  const grouped = new Set<string>();
  const matched = new Map<string, Set<string>>();
  const metrics = new Set<string>();
  const bare = query
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(
      /\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)/g,
      (_all, labels: string) => {
        for (const label of labels.split(",")) if (label.trim() !== "") grouped.add(label.trim());
        return " ";
      },
    );
  for (const [, name = "", selector, call] of bare.matchAll(
    /([a-zA-Z_:][\w:]*)(?:\s*\{([^}]*)\}|\s*(\())?/g,
  )) {
    if (call !== undefined || words.has(name)) continue;
    metrics.add(name);
    const labels = matched.get(name) ?? new Set<string>();
    for (const [, label = ""] of (selector ?? "").matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) labels.add(label);
    matched.set(name, labels);
  }
  return { metrics, matched, grouped };
}
