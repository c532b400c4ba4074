import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createHarnessMetrics } from "../engine/harness-metrics.ts";
import { parseExposition } from "../observe/exposition.ts";
import type { MetricsFigures } from "../observe/metrics-figures.ts";
import { openMetricsLog } from "../record/metrics-log.ts";
import { runFolder } from "../record/run-folder.ts";
import { fakeHost } from "./fake-host.ts";
import { main } from "./main.ts";

const startMs = Date.parse("2026-11-21T10:00:00Z");
const contentType = "application/openmetrics-text; version=1.0.0";
let runs: string;
beforeAll(() => {
  runs = mkdtempSync(join(tmpdir(), "squall-metrics-cli-"));
  writeRun("2026-11-21T10-00-00-whole");
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

/** As a run leaves it: ten scrapes of two replicas, of which one did not answer for 3 s. */
function writeRun(run: string): string {
  const folder = runFolder(join(runs, run));
  mkdirSync(folder.metrics, { recursive: true });
  using log = openMetricsLog(folder.scrapes);
  log.append({ event: "recording-began", version: 1, run, everyMs: 1_000 });
  for (let second = 0; second < 10; second += 1)
    for (const instance of ["order", "order-2"]) {
      const at = { job: "order", instance, atMs: startMs + second * 1_000, durationMs: 4 };
      const body = `# TYPE http_requests counter\nhttp_requests_total{code="200"} ${second}${second === 3 ? ' # {trace_id="ab"} 1' : ""}\n# EOF\n`;
      if (instance === "order-2" && second >= 4 && second < 7)
        log.append({ event: "scrape-failed", ...at, message: "no whole answer within 900 ms" });
      else log.append({ event: "scraped", ...at, contentType, body });
    }
  return folder.scrapes;
}

async function squall(...args: readonly string[]) {
  const host = fakeHost(["metrics", ...args, "--runs", runs], {
    columns: 80,
    env: { SQUALL_PROMETHEUS: "/nonexistent/prometheus" },
  });
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err() };
}

test("it says what there is, what is missing and why, and how to open it", async () => {
  const { exitCode, out, err } = await squall("latest");
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  const lines = out.split("\n");
  expect(lines.slice(0, 8)).toEqual([
    "run      2026-11-21T10-00-00-whole",
    "window   2026-11-21 10:00:00 UTC, 9 s, a scrape each 1 s",
    expect.stringMatching(/^metrics {2}4 families, 2 series, 17 samples, 2 exemplars, .* on disk$/),
    "",
    "target         scrapes  failed  gaps  longest  series  samples",
    "order               10       0     0        -       1       10",
    "order order-2       10       3     1      4 s       1        7",
    "! order-2: 3 scrapes failed: no whole answer within 900 ms",
  ]);
  expect(out).toContain("squall metrics latest --serve");
});

test("with --json it is the same, as data", async () => {
  const figures = JSON.parse((await squall("latest", "--json")).out) as MetricsFigures;
  expect(figures).toMatchObject({
    schemaVersion: 1,
    startMs,
    endMs: startMs + 9_000,
    samples: 17,
    targets: [{ failed: 0 }, { failed: 3, longestGapMs: 4_000 }],
    lost: { invalidLines: 0, isCut: false },
  });
});

test("with --openmetrics it is OpenMetrics, whole, and nothing else", async () => {
  const { exitCode, out } = await squall("latest", "--openmetrics");
  expect(exitCode).toBe(0);
  const { samples } = parseExposition(out, contentType);
  expect(samples.filter(({ series }) => series.startsWith("http_requests_total"))).toHaveLength(17);
  expect(samples.filter(({ series }) => series.startsWith("up{"))).toHaveLength(20);
});

test("of a run that was killed everything before the cut is there, and the cut is told", async () => {
  const file = writeRun("2026-11-20T10-00-00-killed");
  truncateSync(file, statSync(file).size - 20);
  const { exitCode, out } = await squall("2026-11-20T10-00-00-killed");
  expect(exitCode).toBe(0);
  expect(out).toContain("! the file was cut off");
  expect(out).toMatch(/^order order-2 +9 +3 /m);
});

describe("what is wrong ends with 3", () => {
  test.each([
    [["latest", "--serve"], "SQUALL_UNSUPPORTED", "Debian's and Ubuntu's package prometheus"],
    [["latest", "--serve", "--openmetrics"], "SQUALL_USAGE", "expected --openmetrics or --serve, got both"],
    [["latest", "--listen", "nowhere"], "", 'expected an address such as 127.0.0.1:9090, got "nowhere"'],
    [["lates"], "SQUALL_USAGE", 'there is no run "lates"'],
  ])("squall metrics %j", async (args, code, message) => {
    const { exitCode, out, err } = await squall(...args);
    expect(err).toContain(message);
    expect(err).toContain(code);
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
  });

  test("a run that kept none", async () => {
    mkdirSync(join(runs, "2026-11-19T10-00-00-none"));
    const { exitCode, err } = await squall("2026-11-19T10-00-00-none");
    expect(exitCode).toBe(3);
    expect(err).toContain("no metrics were kept");
  });
});

test("docs/run-metrics.md names every option, every example of --help, and every metric of the harness", async () => {
  const page = readFileSync("docs/run-metrics.md", "utf8");
  const { out } = await squall("--help");
  const options = out.match(/^ {2}--[a-z]+/gm)?.map((option) => option.trim()) ?? [];
  expect(options.length).toBeGreaterThan(4);
  for (const option of options) expect(page).toContain(`| \`${option}`);
  for (const [, example] of out.matchAll(/^ {2}\$ (.*)$/gm)) expect(page).toContain(example);
  const own = createHarnessMetrics({
    run: "",
    planned: [],
    thresholdsMs: [],
    receiver: () => Promise.reject(new Error("there is none")),
    recorder: () => ({ scrapes: 0, failed: 0, targets: 0, sizeBytes: 0, problem: undefined }),
  });
  const exported = [...(await own.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(
    ([, name, type]) => `${name}${type === "counter" ? "_total" : ""}`,
  );
  const documented = [
    ...page.matchAll(/^\| `([a-z_0-9]+)(?:\{[^`]*\})?` +\| (?:counter|gauge|histogram) /gm),
  ].map(([, name]) => name);
  expect(documented.toSorted()).toEqual(exported.toSorted());
});
