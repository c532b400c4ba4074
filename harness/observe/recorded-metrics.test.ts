import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openMetricsLog, type MetricsLine } from "../record/metrics-log.ts";
import { parseExposition } from "./exposition.ts";
import { metricsFigures } from "./metrics-figures.ts";
import { openMetricsText } from "./openmetrics-text.ts";
import { readRecordedMetrics, type RecordedMetrics } from "./recorded-metrics.ts";

const openMetrics = "application/openmetrics-text; version=1.0.0";
const text = "text/plain; version=0.0.4";

let folder: string;
let files = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-recorded-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function recorded(...lines: readonly MetricsLine[]): Promise<RecordedMetrics> {
  const file = join(folder, `${(files += 1)}.gz`);
  const log = openMetricsLog(file);
  log.append({ event: "recording-began", version: 1, run: "a-run", everyMs: 1_000 });
  for (const line of lines) log.append(line);
  log[Symbol.dispose]();
  return readRecordedMetrics(file);
}

function scraped(job: string, atMs: number, body: string, contentType = text, instance = job): MetricsLine {
  return { event: "scraped", job, instance, atMs, durationMs: 2, contentType, body };
}
const failed = (job: string, atMs: number, message = "no whole answer within 900 ms"): MetricsLine => ({
  event: "scrape-failed",
  job,
  instance: job,
  atMs,
  durationMs: 900,
  message,
});

/** Without what Prometheus adds of itself. */
function textOf(metrics: RecordedMetrics): string {
  const families = metrics.families.filter(({ name }) => !/^(up|scrape_.*)$/.test(name));
  return [...openMetricsText({ families })].join("");
}

test("families of several targets are told once each, their metrics one after the other, each in the order of time", async () => {
  const order = (count: number, exemplar: number): string =>
    [
      "# TYPE http_requests counter",
      '# HELP http_requests How "often".',
      `http_requests_total{route="/b",code="200"} ${count}`,
      `http_requests_total{route="/a"} 7`,
      "# TYPE seconds histogram",
      `seconds_bucket{le="1",route="/a"} ${count} # {trace_id="t${exemplar}"} 0.5 ${exemplar}`,
      `seconds_bucket{le="+Inf",route="/a"} ${count}`,
      `seconds_count{route="/a"} ${count}`,
      "# EOF\n",
    ].join("\n");
  const payment = "# TYPE http_requests_total counter\nhttp_requests_total 1\n";
  const metrics = await recorded(
    scraped("order", 1_700_000_000_000.4, order(1, 1), openMetrics),
    scraped("payment", 1_700_000_000_500, payment),
    scraped("order", 1_700_000_001_000, order(2, 1), openMetrics),
    failed("payment", 1_700_000_001_500),
    scraped("order", 1_700_000_002_000, order(2, 2), openMetrics),
    scraped("payment", 1_700_000_002_500, payment),
  );
  expect(textOf(metrics)).toBe(
    [
      "# TYPE http_requests counter",
      '# HELP http_requests How \\"often\\".',
      'http_requests_total{job="order",instance="order",code="200",route="/b"} 1 1700000000.000',
      'http_requests_total{job="order",instance="order",code="200",route="/b"} 2 1700000001.000',
      'http_requests_total{job="order",instance="order",code="200",route="/b"} 2 1700000002.000',
      'http_requests_total{job="order",instance="order",route="/a"} 7 1700000000.000',
      'http_requests_total{job="order",instance="order",route="/a"} 7 1700000001.000',
      'http_requests_total{job="order",instance="order",route="/a"} 7 1700000002.000',
      'http_requests_total{job="payment",instance="payment"} 1 1700000000.500',
      'http_requests_total{job="payment",instance="payment"} 1 1700000002.500',
      "# TYPE seconds histogram",
      'seconds_bucket{job="order",instance="order",le="1",route="/a"} 1 1700000000.000 # {trace_id="t1"} 0.5 1',
      'seconds_bucket{job="order",instance="order",le="+Inf",route="/a"} 1 1700000000.000',
      'seconds_count{job="order",instance="order",route="/a"} 1 1700000000.000',
      'seconds_bucket{job="order",instance="order",le="1",route="/a"} 2 1700000001.000',
      'seconds_bucket{job="order",instance="order",le="+Inf",route="/a"} 2 1700000001.000',
      'seconds_count{job="order",instance="order",route="/a"} 2 1700000001.000',
      'seconds_bucket{job="order",instance="order",le="1",route="/a"} 2 1700000002.000 # {trace_id="t2"} 0.5 2',
      'seconds_bucket{job="order",instance="order",le="+Inf",route="/a"} 2 1700000002.000',
      'seconds_count{job="order",instance="order",route="/a"} 2 1700000002.000',
      "# EOF\n",
    ].join("\n"),
  );
});

test("a scrape that failed, or was no exposition, is a gap with up 0; the next one is read", async () => {
  const metrics = await recorded(
    scraped("order", 1_000, "a 1\n"),
    failed("order", 2_000),
    scraped("order", 3_000, "<html>\n"),
    scraped("order", 4_000, "a 2\nb 1\n"),
  );
  const whole = [...openMetricsText(metrics)].join("");
  const linesOf = (name: string): readonly string[] =>
    whole.split("\n").filter((line) => line.startsWith(`${name}{`));
  expect(linesOf("up")).toEqual(
    [1, 0, 0, 1].map((up, index) => `up{job="order",instance="order"} ${up} ${index + 1}.000`),
  );
  expect(linesOf("a").map((line) => line.split(" ").slice(1))).toEqual([
    ["1", "1.000"],
    ["2", "4.000"],
  ]);
  expect(linesOf("scrape_duration_seconds").map((line) => line.split(" ")[1])).toEqual([
    "0.002",
    "0.9",
    "0.002",
    "0.002",
  ]);
  expect(linesOf("scrape_samples_scraped").map((line) => line.split(" ")[1])).toEqual(["1", "0", "0", "2"]);
  expect(metricsFigures(metrics, 5).targets).toEqual([
    {
      job: "order",
      instance: "order",
      scrapes: 4,
      failed: 2,
      series: 2,
      samples: 3,
      gaps: 1,
      longestGapMs: 3_000,
      problems: {
        "no whole answer within 900 ms": 1,
        'line 1: expected name{label="value",…} value, got "<html>"': 1,
      },
    },
  ]);
});

test("labels that a target gives itself make way for those of whoever asked it, and empty ones are none", async () => {
  const metrics = await recorded(scraped("order", 1_000, 'a{job="x",instance="y",z=""} 1\n', text, 'o"2'));
  expect(textOf(metrics)).toContain(
    'a{job="order",instance="o\\"2",exported_instance="y",exported_job="x"} 1 1.000\n',
  );
});

test("a series that is told twice counts once, in whatever order its labels are", async () => {
  const metrics = await recorded(
    scraped("order", 1_000, 'a{b="1",c="2"} 1\na{c="2",b="1"} 5\n'),
    scraped("order", 2_000, 'a{c="2",b="1"} 6\n'),
  );
  expect(textOf(metrics).match(/^a.*$/gm)).toEqual([
    'a{job="order",instance="order",b="1",c="2"} 1 1.000',
    'a{job="order",instance="order",b="1",c="2"} 6 2.000',
  ]);
});

test("where targets disagree about a name's type, its samples keep their names, in families of their own", async () => {
  const metrics = await recorded(
    scraped("order", 1_000, "# TYPE x gauge\nx 1\n"),
    scraped("payment", 1_000, '# TYPE x histogram\nx_bucket{le="+Inf"} 3\nx_count 3\n'),
  );
  const lines = textOf(metrics).split("\n");
  expect(lines.filter((line) => line.startsWith("# TYPE"))).toEqual([
    "# TYPE x gauge",
    "# TYPE x_bucket unknown",
    "# TYPE x_count unknown",
  ]);
});

test("times of a target always rise by 2 ms or more, so that Prometheus takes none of them for the one before", async () => {
  const metrics = await recorded(
    ...[1_000, 1_000.4, 1_001, 999, 5_000].map((atMs) => scraped("order", atMs, "a 1\n")),
  );
  expect(metrics.targets[0]?.scrapes.map(({ atMs }) => atMs)).toEqual([1_000, 1_002, 1_004, 1_006, 5_000]);
});

test("a run that kept none has no targets", async () => {
  expect(await readRecordedMetrics(join(folder, "none.gz"))).toMatchObject({
    run: undefined,
    targets: [],
    families: [],
  });
});

test("every sample that a target told is in the text once, with its value and the time of its scrape, and nothing else", async () => {
  const value = fc.oneof(fc.double({ noNaN: true }), fc.integer(), fc.constantFrom(Infinity, -Infinity));
  const series = fc.constantFrom(
    "a",
    'a{l="1"}',
    'a{l="}\\""}',
    "b_total",
    'h_bucket{le="1"}',
    'h_bucket{le="+Inf"}',
    "h_sum",
  );
  const exposition = fc.dictionary(series, value, { maxKeys: 7 });
  const line = fc.record({
    job: fc.constantFrom("one", "two"),
    body: fc.option(exposition, { nil: undefined }),
    isStrict: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
      const numberText = (number: number): string => String(number).replace("Infinity", "Inf");
      const wanted: string[] = [];
      const metrics = await recorded(
        ...lines.map(({ job, body, isStrict }, index) => {
          const atMs = 1_000 * (index + 1);
          if (body === undefined) return failed(job, atMs);
          const entries = Object.entries(body);
          for (const [name, number] of entries) wanted.push(`${job} ${name} ${number} ${atMs}`);
          const types = isStrict ? "# TYPE a gauge\n# TYPE b counter\n# TYPE h histogram\n" : "";
          const samples = entries.map(([name, number]) => `${name} ${numberText(number)}\n`).join("");
          return isStrict
            ? scraped(job, atMs, `${types}${samples}# EOF\n`, openMetrics)
            : scraped(job, atMs, samples, text);
        }),
      );
      const whole = textOf(metrics);
      parseExposition(whole, openMetrics); // or throws
      const told = [...whole.matchAll(/^(\w+)\{job="(\w+)",instance="\w+"(?:,(.*))?\} (\S+) (\S+)$/gm)].map(
        ([, name, job, labels, number, seconds]) =>
          `${job} ${name}${labels === undefined ? "" : `{${labels}}`} ${Number(number?.replace("Inf", "Infinity"))} ${Number(seconds) * 1_000}`,
      );
      expect(told.toSorted()).toEqual(wanted.map((one) => one.replace(" -0 ", " 0 ")).toSorted());
      const names = whole.match(/^# TYPE \S+/gm) ?? [];
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: 60 },
  );
});
