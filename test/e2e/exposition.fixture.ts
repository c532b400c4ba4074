/** A metric as a service exports it, in either text format. */
export interface Family {
  readonly type: string;
  readonly help: string;
  /** Those of its samples, without `le`. */
  readonly labels: ReadonlySet<string>;
  /** Each sample's name and labels, as they stand. */
  readonly series: readonly string[];
}

/** Reads what a service exports. Samples of no family that was announced are an error. */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { type: string; help: string; labels: Set<string>; series: string[] }>();
  let last = "";
  for (const line of text.split("\n")) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE|EOF)(?: (\S+) (.*))?$/.exec(line) ?? [];
    if (word === "HELP") families.set((last = name), { type: "", help: rest, labels: new Set(), series: [] });
    const family = families.get(last);
    if (word === "TYPE" && family !== undefined) family.type = rest;
    if (word !== undefined || line === "") continue;
    const [series, sample = "", labels = ""] = /^(\w+)(?:\{(.*?)\})? \S+(?: # .*)?$/.exec(line) ?? [];
    if (series === undefined || family === undefined || !sample.startsWith(last))
      throw new Error(`expected a sample of ${last}, got ${line}`);
    for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) if (label !== "le") family.labels.add(label);
    family.series.push(`${sample}{${labels}}`);
  }
  return families;
}
