import { messageOf } from "../base/errors.ts";
import { readMetricsLog, type MetricsLine, type MetricsLoss } from "../record/metrics-log.ts";
import {
  parseExposition,
  seriesParts,
  type Exposition,
  type FamilyHead,
  type Label,
  type Sample,
} from "./exposition.ts";

/**
 * The metrics of a finished run, as a Prometheus would have them that had scraped its targets: `job` and `instance` on
 * every series, `up` and what else Prometheus adds of itself, and nothing at all for a scrape that failed.
 *
 *   scrapes.jsonl.gz ─readRecordedMetrics→ RecordedMetrics ─openMetricsText→ text for promtool
 */
export interface RecordedMetrics {
  /** Undefined where nothing was recorded. */
  readonly run: string | undefined;
  readonly everyMs: number | undefined;
  readonly targets: readonly RecordedTarget[];
  readonly families: readonly RecordedFamily[];
  readonly loss: MetricsLoss;
  /** Where the file took no more before the run was over: when, epoch milliseconds. */
  readonly fullAtMs: number | undefined;
}

export interface RecordedTarget {
  readonly job: string;
  readonly instance: string;
  /** In the order of their times; those times differ by 2 ms or more. */
  readonly scrapes: readonly RecordedScrape[];
  /** Of the target, without those that are Prometheus' own. */
  readonly series: number;
  readonly samples: number;
}

export interface RecordedScrape {
  /** Whole milliseconds since the epoch. */
  readonly atMs: number;
  readonly durationMs: number;
  /** Why there is no sample of it. */
  readonly problem?: string;
}

export interface RecordedFamily extends FamilyHead {
  /** Series of one target that differ by nothing but `le`, `quantile` or what ends their names. */
  readonly metrics: readonly RecordedMetric[];
}

export interface RecordedMetric {
  readonly target: RecordedTarget;
  readonly series: readonly RecordedSeries[];
}

export interface RecordedSeries {
  /** `http_requests_total{job="order",instance="order",route="/orders"}` */
  readonly text: string;
  /** Which of the target's scrapes have it, by index, and its values there. */
  readonly scrapes: readonly number[];
  readonly values: readonly number[];
  /** By scrape: where one is new, as it was written. */
  readonly exemplars: ReadonlyMap<number, string>;
}

/** What Prometheus tells of every scrape, in its own words. */
const ownFamilies = {
  up: "Whether the scrape brought metrics (1) or none (0).",
  scrape_duration_seconds: "How long the scrape took, in seconds.",
  scrape_samples_scraped: "Samples that the target exposed.",
} as const;

/** Prometheus cuts a time to whole milliseconds after a multiplication, so that two samples 1 ms apart may become one. */
const apartMs = 2;

/**
 * Reads a metrics log. A scrape that is no exposition counts as failed, as it would with Prometheus, and the next one is read.
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export async function readRecordedMetrics(file: string): Promise<RecordedMetrics> {
  const families = new Map<string, Family>();
  const targets = new Map<string, TargetReader>();
  let began: Extract<MetricsLine, { readonly event: "recording-began" }> | undefined;
  let fullAtMs: number | undefined;
  const lines = readMetricsLog(file);
  for (;;) {
    const next = await lines.next();
    if (next.done === true)
      return {
        run: began?.run,
        everyMs: began?.everyMs,
        targets: [...targets.values()],
        families: [...families.values()].sort((one, other) => (one.name < other.name ? -1 : 1)),
        loss: next.value,
        fullAtMs,
      };
    const line = next.value;
    switch (line.event) {
      case "recording-began":
        began ??= line;
        break;
      case "recording-full":
        fullAtMs = line.atMs;
        break;
      case "scraped":
      case "scrape-failed": {
        const key = `${line.job}/${line.instance}`;
        const target = targets.get(key) ?? new TargetReader(line, families);
        targets.set(key, target);
        target.read(line);
      }
    }
  }
}

type ScrapeLine = Extract<MetricsLine, { readonly event: "scraped" | "scrape-failed" }>;

/** The same as what is told of them, to be added to. */
interface Family extends FamilyHead {
  readonly metrics: Metric[];
}
interface Metric {
  readonly target: RecordedTarget;
  readonly series: Series[];
}
interface Series {
  readonly text: string;
  readonly scrapes: number[];
  readonly values: number[];
  readonly exemplars: Map<number, string>;
  lastExemplar?: string;
}

class TargetReader implements RecordedTarget {
  readonly job: string;
  readonly instance: string;
  readonly scrapes: RecordedScrape[] = [];
  series = 0;
  samples = 0;
  readonly #families: Map<string, Family>;
  /** By how the target writes it. */
  readonly #series = new Map<string, Series>();
  readonly #metrics = new Map<string, Metric>();

  constructor({ job, instance }: Pick<ScrapeLine, "job" | "instance">, families: Map<string, Family>) {
    this.job = job;
    this.instance = instance;
    this.#families = families;
  }

  read(line: ScrapeLine): void {
    const scrape = this.scrapes.length;
    const lastMs = this.scrapes.at(-1)?.atMs ?? -Infinity;
    const atMs = Math.max(Math.round(line.atMs), lastMs + apartMs);
    const { durationMs } = line;
    const { samples, problem } = this.#samplesOf(line);
    this.scrapes.push(problem === undefined ? { atMs, durationMs } : { atMs, durationMs, problem });
    const own = {
      up: problem === undefined ? 1 : 0,
      scrape_duration_seconds: durationMs / 1_000,
      scrape_samples_scraped: samples.length,
    };
    for (const [name, value] of Object.entries(own))
      add(this.#ownSeries(name as keyof typeof own), scrape, value);
    for (const [series, { value, exemplar }] of samples) {
      if (!add(series, scrape, value)) continue; // a target that says a series twice: the first counts
      this.samples += 1;
      if (exemplar !== undefined && exemplar !== series.lastExemplar) {
        series.exemplars.set(scrape, exemplar);
        series.lastExemplar = exemplar;
      }
    }
  }

  #samplesOf(line: ScrapeLine): {
    readonly samples: readonly (readonly [Series, Sample])[];
    readonly problem?: string;
  } {
    if (line.event === "scrape-failed") return { samples: [], problem: line.message };
    try {
      const exposition = parseExposition(line.body, line.contentType);
      return { samples: exposition.samples.map((sample) => [this.#seriesOf(sample, exposition), sample]) };
    } catch (error) {
      return { samples: [], problem: messageOf(error) };
    }
  }

  #seriesOf({ series: written }: Sample, exposition: Exposition): Series {
    const known = this.#series.get(written);
    if (known !== undefined) return known;
    const { name, labels } = seriesParts(written);
    const own = labels
      .filter(([, value]) => value !== "") // to Prometheus an empty label is none
      .map(([label, value]): Label => [isTargetLabel(label) ? `exported_${label}` : label, value])
      .sort(([one], [other]) => (one < other ? -1 : 1));
    const series = this.#addSeries(name, own, exposition.familyOf(name));
    this.#series.set(written, series);
    this.series += 1;
    return series;
  }

  #ownSeries(name: keyof typeof ownFamilies): Series {
    const known = this.#series.get(`\n${name}`); // no target can write that
    if (known !== undefined) return known;
    const series = this.#addSeries(name, [], { name, type: "gauge", help: ownFamilies[name] });
    this.#series.set(`\n${name}`, series);
    return series;
  }

  /** Of a name and labels, whether or not the target wrote them in the same order before. */
  #addSeries(name: string, labels: readonly Label[], head: FamilyHead): Series {
    const all: readonly Label[] = [["job", escape(this.job)], ["instance", escape(this.instance)], ...labels];
    const text = `${name}${labelsText(all)}`;
    const family = this.#familyOf(name, head);
    const key = `${family.name}${labelsText(all.filter(([label]) => !isPointLabel(label, family.type)))}`;
    let metric = this.#metrics.get(key);
    if (metric === undefined) {
      metric = { target: this, series: [] };
      this.#metrics.set(key, metric);
      family.metrics.push(metric);
    }
    const known = metric.series.find((series) => series.text === text);
    if (known !== undefined) return known;
    const series: Series = { text, scrapes: [], values: [], exemplars: new Map() };
    metric.series.push(series);
    return series;
  }

  /** Where two targets mean different things by one name, what the second means has no type: its names stay as they are. */
  #familyOf(sampleName: string, head: FamilyHead): Family {
    const known = this.#families.get(head.name);
    if (known?.type === head.type) return known;
    const fresh = known === undefined ? head : { name: sampleName, type: "unknown" as const };
    const family = this.#families.get(fresh.name) ?? { ...fresh, metrics: [] };
    this.#families.set(family.name, family);
    return family;
  }
}

/** @returns whether it was new there */
function add({ scrapes, values }: Series, scrape: number, value: number): boolean {
  if (scrapes.at(-1) === scrape) return false;
  scrapes.push(scrape);
  values.push(value);
  return true;
}

function labelsText(labels: readonly Label[]): string {
  return `{${labels.map(([label, value]) => `${label}="${value}"`).join(",")}}`;
}

function isTargetLabel(label: string): boolean {
  return label === "job" || label === "instance";
}

/** Labels by which samples of one point in time differ. */
function isPointLabel(label: string, type: FamilyHead["type"]): boolean {
  return (label === "le" && type.endsWith("histogram")) || (label === "quantile" && type === "summary");
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
