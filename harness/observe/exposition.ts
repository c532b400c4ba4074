/**
 * The two text formats in which a process shows its metrics: Prometheus' (0.0.4, which forgives) and OpenMetrics (1.0.0,
 * which does not). A text with one wrong line is refused as a whole, as Prometheus does.
 *
 *   # TYPE http_requests counter                                           a family
 *   http_requests_total{route="/orders"} 17 # {trace_id="4b…"} 1 1.7e9     a sample of one of its series, with an exemplar
 *
 * Times that a target gives are not kept: a sample is of the time at which it was asked for.
 */
export interface Exposition {
  readonly samples: readonly Sample[];
  /** The family that a sample belongs to, in OpenMetrics' terms, by the sample's name. */
  readonly familyOf: (sampleName: string) => FamilyHead;
}

export interface Sample {
  /** As it was written: `http_requests_total{route="/orders"}`. */
  readonly series: string;
  readonly value: number;
  /** As it was written: `{trace_id="4b…"} 0.3 1.7e9`. */
  readonly exemplar?: string;
}

export type FamilyType = (typeof familyTypes)[number];

export interface FamilyHead {
  readonly name: string;
  readonly type: FamilyType;
  readonly help?: string | undefined;
  readonly unit?: string | undefined;
}

const familyTypes = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
] as const;

/** Names of samples of a family, by its type: what stands after the family's name. */
const suffixes: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
  summary: ["", "_sum", "_count", "_created"],
  info: ["_info"],
  stateset: [""],
  unknown: [""],
};
/** A family of the sample's very name comes first. */
const everySuffix = [...new Set(["", ...Object.values(suffixes).flat()])];

interface Format {
  readonly sample: RegExp;
  /** `# TYPE name counter`: what of, which, and how. */
  readonly meta: RegExp;
  readonly types: readonly string[];
}

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*"`;
const strictLabels = String.raw`\{(?:${label}(?:,${label})*)?\}`;
const looseLabels = String.raw`\{\s*(?:${label.replace("=", String.raw`\s*=\s*`)}\s*(?:,\s*|(?=\})))*\}`;

const openMetrics: Format = {
  sample: new RegExp(
    `^(${name}(?:${strictLabels})?) (\\S+)(?: (\\S+))?(?: # (${strictLabels} (\\S+)(?: (\\S+))?))?$`,
  ),
  meta: new RegExp(`^# (HELP|TYPE|UNIT) (${name}) (.*)$`),
  types: familyTypes,
};
const prometheusText: Format = {
  sample: new RegExp(
    `^[ \\t]*(${name}(?:[ \\t]*${looseLabels})?)[ \\t]*(?<=[ \\t}])([^\\s{}]+)(?:[ \\t]+(\\S+))?[ \\t]*$`,
  ),
  meta: new RegExp(`^#[ \\t]*(HELP|TYPE)[ \\t]+(${name})(?:[ \\t]+(.*?))?[ \\t]*$`),
  types: ["counter", "gauge", "histogram", "summary", "untyped"],
};

/**
 * Reads a whole exposition.
 * @param contentType as the target answered; what does not say OpenMetrics is Prometheus' text format
 * @throws {ExpositionError} naming the line that is wrong
 */
export function parseExposition(body: string, contentType: string): Exposition {
  const isOpenMetrics = /^application\/openmetrics-text\b/i.test(contentType);
  const format = isOpenMetrics ? openMetrics : prometheusText;
  const lines = body.split("\n");
  let end = lines.length;
  if (isOpenMetrics) {
    // What follows the last line end is an empty text.
    if (lines.at(-1) === "") end -= 1;
    if (lines[end - 1] !== "# EOF")
      throw new ExpositionError(end, "expected # EOF as the last line", lines[end - 1]);
    end -= 1;
  }
  const declared = new Map<string, { type?: string; help?: string; unit?: string }>();
  const samples: Sample[] = [];
  for (let index = 0; index < end; index += 1) {
    const line = lines[index] as string;
    const refuse = (expected: string): never => {
      throw new ExpositionError(index + 1, expected, line);
    };
    if (line.startsWith("#") || line.trim() === "") {
      const [, what, of = "", how = ""] = format.meta.exec(line) ?? [];
      if (what === undefined) {
        if (isOpenMetrics) refuse("expected a sample, # HELP, # TYPE or # UNIT");
        if (/^#[ \t]*TYPE\b/.test(line)) refuse("expected # TYPE with a name and a type");
        continue; // a comment
      }
      const family = declared.get(of) ?? {};
      declared.set(of, family);
      if (what === "HELP") family.help ??= unescapeHelp(how);
      else if (what === "UNIT") {
        if (how !== "" && !of.endsWith(`_${how}`)) refuse(`expected a unit that ends the name`);
        family.unit ??= how;
      } else {
        if (!format.types.includes(how)) refuse(`expected a type among ${format.types.join(", ")}`);
        family.type ??= how;
      }
      continue;
    }
    const match = format.sample.exec(line);
    if (match === null) return refuse('expected name{label="value",…} value');
    const [, series = "", value = "", timestamp, exemplar, exemplarValue, exemplarTime] = match;
    const number = numberIn(value) ?? refuse("expected a number");
    for (const time of [timestamp, exemplarTime])
      if (time !== undefined && !Number.isFinite(numberIn(time))) refuse("expected a time");
    if (exemplarValue !== undefined && numberIn(exemplarValue) === undefined)
      refuse("expected a number in the exemplar");
    samples.push(exemplar === undefined ? { series, value: number } : { series, value: number, exemplar });
  }
  const familyOf = isOpenMetrics ? strictFamily(declared) : textFamily(declared);
  return { samples, familyOf };
}

/** Why an exposition was refused. */
export class ExpositionError extends Error {
  override readonly name = "ExpositionError";

  constructor(line: number, expected: string, got = "") {
    super(`line ${line}: ${expected}, got ${JSON.stringify(got.slice(0, 120))}`);
  }
}

type Declared = ReadonlyMap<
  string,
  { readonly type?: string; readonly help?: string; readonly unit?: string }
>;

function strictFamily(declared: Declared): Exposition["familyOf"] {
  return (sampleName) => {
    for (const suffix of everySuffix) {
      if (!sampleName.endsWith(suffix)) continue;
      const name = sampleName.slice(0, sampleName.length - suffix.length);
      const { help, unit, type = "unknown" } = declared.get(name) ?? {};
      const known = familyTypes.find((one) => one === type) ?? "unknown";
      if (declared.has(name) && suffixes[known].includes(suffix)) return { name, type: known, help, unit };
    }
    return { name: sampleName, type: "unknown" };
  };
}

/** Of a counter, the text format says the whole name, OpenMetrics the name before `_total`; one without that is none there. */
function textFamily(declared: Declared): Exposition["familyOf"] {
  const asOpenMetrics = new Map(
    [...declared].map(([name, { type, help }]) => {
      const told = help === undefined ? {} : { help };
      if (type === "counter" && name.endsWith("_total"))
        return [name.slice(0, -"_total".length), { type, ...told }];
      return [name, { type: type === "counter" || type === undefined ? "unknown" : type, ...told }];
    }),
  );
  return strictFamily(asOpenMetrics);
}

/** A number as both formats write it; undefined for what Go or JavaScript would take besides: 0x10, 1_000, "". */
function numberIn(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case "nan":
      return NaN;
    case "+inf":
    case "inf":
    case "+infinity":
    case "infinity":
      return Infinity;
    case "-inf":
    case "-infinity":
      return -Infinity;
    default:
      return undefined;
  }
}

const escapes: Readonly<Record<string, string>> = { "\\n": "\n", "\\\\": "\\", '\\"': '"' };

function unescapeHelp(help: string): string {
  return help.replace(/\\./g, (escape) => escapes[escape] ?? escape);
}

/** A label of a series: its value as it was written, with its escapes. */
export type Label = readonly [name: string, value: string];

/**
 * Takes a series apart.
 * @param series as {@link Sample} has it
 * @throws when a label is there twice
 */
export function seriesParts(series: string): { readonly name: string; readonly labels: readonly Label[] } {
  const brace = series.indexOf("{");
  if (brace === -1) return { name: series, labels: [] };
  const labels = [...series.slice(brace).matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"/g)].map(
    ([, name = "", value = ""]): Label => [name, value],
  );
  const twice = labels.find(([name], index) => labels.findIndex(([other]) => other === name) !== index);
  if (twice !== undefined) throw new Error(`expected each label once, got ${twice[0]} twice in ${series}`);
  return { name: series.slice(0, brace).trimEnd(), labels };
}
