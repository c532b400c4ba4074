import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { fakeJaeger, type StoredSpans } from "../observe/jaeger.fixture.ts";
import { recordRunTrace } from "../engine/record-run-trace.ts";
import type { ExperimentRecord } from "../record/experiment-record.ts";
import type { JournalLine } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import { summarySchema } from "../record/summary.ts";
import { deviatedSummary } from "../report/fixtures/shop-summaries.ts";
import { fakeHost } from "./fake-host.ts";
import { main } from "./main.ts";
import type { TracesTold } from "./traces.ts";

const corpus = join(import.meta.dirname, "../../test/corpus");
const zeroMs = 1_700_000_000_000;
const phaseMs = 40_000;
const ports = {
  "client->front": 41_000,
  "front->stock": 41_001,
  "stock->stock-db": 41_002,
  "stock->smtp": 41_003,
};

const isAnalysis =
  /^(?!.*(test|fixture))(blame|critical|dependency|fallbacks|n-plus|retry|self|sequential|swallowed|timeout).*\.ts$/;

let runs: string;
beforeAll(() => {
  runs = mkdtempSync(join(tmpdir(), "squall-traces-"));
  writeRun("2026-11-21T10-00-00-slow-mail");
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

async function squall(args: readonly string[], columns = 80) {
  const host = fakeHost(["traces", ...args, "--runs", runs], { columns });
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err() };
}

/** As a run leaves it: 40 sales a phase, one a second, and as many looks; in the fault mail takes 300 ms more. */
function writeRun(name: string): void {
  const folder = runFolder(join(runs, name));
  mkdirSync(folder.path);
  const document = (file: string): unknown => parse(readFileSync(join(corpus, file), "utf8"));
  const record: ExperimentRecord = {
    schemaVersion: 1,
    run: name,
    startedAtMs: zeroMs - 5_000,
    file: "experiment.yaml",
    seed: "squall",
    settings: {},
    command: "npx squall run experiment.yaml",
    versions: { squall: "0", node: "24", platform: "test" },
    machine: { cpus: 2, memoryBytes: 1e9 },
    experiment: document("experiment.yaml"),
    experimentFile: join(corpus, "experiment.yaml"),
    target: document("target.yaml"),
    targetFile: join(corpus, "target.yaml"),
    fleet: {
      runtime: "process",
      entry: "http://127.0.0.1:41000",
      proxyApi: "http://127.0.0.1:8474",
      edges: Object.entries(ports).map(([edge, port]) => ({
        edge: edge.replace("->", " -> "),
        proxy: edge,
        listen: `127.0.0.1:${port}`,
        upstream: "127.0.0.1:1",
      })),
    },
  };
  writeFileSync(folder.experiment, JSON.stringify(record));
  const journal: readonly JournalLine[] = [
    { atMs: zeroMs, event: "load-started", journey: "visitor", ratePerSecond: 2, zeroMs },
    { atMs: zeroMs, event: "phase-started", phase: "baseline" },
    { atMs: zeroMs + phaseMs, event: "phase-started", phase: "fault" },
    { atMs: zeroMs + 2 * phaseMs, event: "load-ended", intended: 160, started: 160, lateP99Ms: 1 },
  ];
  writeFileSync(folder.journal, journal.map((line) => `${JSON.stringify(line)}\n`).join(""));
  for (let index = 0; index < 80; index += 1) {
    const atMs = zeroMs + index * 1_000 + 100;
    const mailMs = 20 + (index >= 40 ? 300 : 0);
    writeSale(folder, `sale ${index}`, atMs, mailMs);
    const look = traceIdOf(`look ${index}`);
    appendFileSync(folder.history, `${JSON.stringify(operation("look", look, atMs))}\n`);
    appendSpans(folder.traces, "front", [
      spanOf(look, "1", undefined, 2, "GET /", atMs, 5, {
        "http.request.method": "GET",
        "http.response.status_code": 200,
      }),
    ]);
  }
}

function writeSale(folder: ReturnType<typeof runFolder>, name: string, atMs: number, mailMs: number): void {
  const trace = traceIdOf(name);
  const http = { "http.request.method": "POST", "http.response.status_code": 200 };
  const later = traceIdOf(`${name} later`);
  appendFileSync(folder.history, `${JSON.stringify(operation("buy", trace, atMs, 30 + mailMs))}\n`);
  appendSpans(folder.traces, "front", [
    spanOf(trace, "1", undefined, 2, "POST /sales", atMs, 30 + mailMs, http),
    spanOf(trace, "2", "1", 3, "POST", atMs + 5, 20 + mailMs, { ...http, "server.port": 41_001 }),
  ]);
  appendSpans(folder.traces, "stock", [
    spanOf(trace, "3", "2", 2, "POST /sales", atMs + 6, 16 + mailMs, http),
    spanOf(trace, "4", "3", 3, "SMTP send", atMs + 10, mailMs, { "server.port": 41_003 }),
    spanOf(
      later,
      "5",
      undefined,
      4,
      "send sale.made",
      atMs + 500,
      5,
      {},
      { traceId: trace, spanId: idOf("3") },
    ),
  ]);
}

function operation(journey: string, traceId: string, atMs: number, tookMs = 50) {
  const times = { arrival: 0, intendedMs: atMs, sentMs: atMs, endedMs: atMs + tookMs };
  const what = { step: journey, method: "POST", route: "/sales", status: 200, completion: "ok" };
  return { kind: "operation", journey, traceId, ...times, ...what };
}

const traceIdOf = (name: string): string => createHash("md5").update(name).digest("hex");
const idOf = (digit: string): string => digit.repeat(16);

function spanOf(
  traceId: string,
  id: string,
  parent: string | undefined,
  kind: number,
  name: string,
  startMs: number,
  durationMs: number,
  attributes: Readonly<Record<string, string | number>>,
  ...links: readonly object[]
) {
  const nanoseconds = (ms: number): string => `${ms}000000`;
  return {
    traceId,
    spanId: idOf(id),
    ...(parent === undefined ? {} : { parentSpanId: idOf(parent) }),
    name,
    kind,
    startTimeUnixNano: nanoseconds(startMs),
    endTimeUnixNano: nanoseconds(startMs + durationMs),
    attributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: typeof value === "number" ? { intValue: value } : { stringValue: value },
    })),
    links,
  };
}

function appendSpans(file: string, service: string, spans: readonly object[]): void {
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  appendFileSync(file, `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })}\n`);
}

test("it says who is to blame, and by how much, before anything else", async () => {
  const { exitCode, out, err } = await squall(["latest"]);
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
  const lines = out.split("\n");
  expect(lines.slice(0, 6)).toEqual([
    "The kiosk sells while mail is down",
    "run      2026-11-21T10-00-00-slow-mail",
    "traces   240 traces of 480 spans, every one complete",
    "",
    "baseline → fault: what explains the change",
    "✗ stock -> smtp: 20 ms → 320 ms of a trace, 100 % of all time added (40 traces)",
  ]);
  expect(out).toMatch(/^stock -> smtp +1\.0 +0 % +/m);
  expect(out).toContain("- declared, and never called: stock -> stock-db");
});

test.each([60, 80, 100, 160])("it fits %i columns, and every trace id is whole", async (columns) => {
  const { out } = await squall(["latest"], columns);
  for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
  const named = out.match(/\b[0-9a-f]{32}\b/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  const known = new Set(
    Array.from({ length: 80 }, (_, index) => [`sale ${index}`, `look ${index}`])
      .flat()
      .map(traceIdOf),
  );
  expect(named.filter((id) => !known.has(id))).toEqual([]);
});

test("with --json it is all of it, as data", async () => {
  const { out } = await squall(["latest", "--json", "--slowest", "2"]);
  const told = JSON.parse(out) as TracesTold;
  expect(told).toMatchObject({
    schemaVersion: 1,
    comparison: { phases: ["baseline", "fault"], blame: { blamed: [{ place: "stock -> smtp" }] } },
    analysis: { completeness: { traces: 240, incomplete: 0 }, graph: { undeclared: [] } },
    lost: { invalidLines: 0, cutBytes: 0 },
  });
  expect(told.slowest.map(({ operation, durationMs }) => [operation, Math.round(durationMs)])).toEqual([
    ["front POST /sales", 350],
    ["front POST /sales", 350],
  ]);
});

test("one journey's traces come with those that link to them, and no edge is missed there", async () => {
  const { out } = await squall(["latest", "--json", "--journey", "buy"]);
  const { analysis } = JSON.parse(out) as TracesTold;
  expect(analysis.completeness.traces).toBe(160);
  expect(analysis.graph.neverSeen).toEqual([]);
  const mix = JSON.parse((await squall(["latest", "--json", "--journey", "visitor"])).out) as TracesTold;
  expect(mix.analysis.completeness.traces).toBe(240);
});

test("the report of the same run says who is to blame, compares a step, and draws the traces that show it", async () => {
  const host = fakeHost([
    "report",
    "latest",
    "--runs",
    runs,
    "--json",
    "--jaeger",
    "http://localhost:16686/",
  ]);
  await main(host);
  const { blame, comparisons, findings, traces, run, edges, telemetry } = summarySchema.parse(
    JSON.parse(host.out()),
  );
  expect(run.jaeger).toBe("http://localhost:16686");
  expect(blame?.blamed).toMatchObject([
    { place: "stock -> smtp", time: { traces: { baseline: 40, fault: 40 } } },
  ]);
  expect(comparisons).toMatchObject([
    { journey: "buy", step: "buy", before: { operations: 40 }, during: { operations: 40 } },
  ]);
  expect(findings?.neverSeen).toEqual(["stock -> stock-db"]);
  const drawn = new Set(traces.map(({ traceId }) => traceId));
  for (const id of [
    blame?.blamed[0]?.traceIds[0],
    comparisons[0]?.before.traceId,
    comparisons[0]?.during.traceId,
    ...(findings?.sequentialCalls.map(({ traceId }) => traceId) ?? []),
  ])
    expect(drawn).toContain(id);
  // All of a trace's time is somebody's on its critical path.
  for (const { spans } of traces) {
    const pathMs = spans
      .flatMap(({ path = [] }) => path)
      .reduce((sum, { durationMs }) => sum + durationMs, 0);
    expect(pathMs).toBeCloseTo(spans[0]?.durationMs ?? 0, 3);
  }
  expect(edges.every(({ isDeclared }) => isDeclared)).toBe(true);
  expect(telemetry).toMatchObject({ incompleteTraces: 0, excusedTraces: 0, lacks: [] });
  const page = readFileSync(join(runs, run.id, "report.html"), "utf8");
  expect(page).toContain(`http://localhost:16686/trace/${comparisons[0]?.during.traceId}`);
  for (const name of ["summary.json", "report.html", "report.md", "junit.xml"])
    rmSync(join(runs, run.id, name));
});

test("--traces-from tells the same of the traces of a Jaeger, and what that does not have", async () => {
  const lines = readFileSync(runFolder(join(runs, readdirSync(runs)[0] ?? "")).traces, "utf8")
    .trimEnd()
    .split("\n");
  const stored = lines.flatMap(
    (line) => (JSON.parse(line) as { resourceSpans: StoredSpans[] }).resourceSpans,
  );
  const own = await squall(["latest", "--json"]);
  {
    await using jaeger = await fakeJaeger(stored);
    const told = await squall(["latest", "--json", "--traces-from", jaeger.url]);
    expect(told.err).toBe("");
    const [byJaeger, byFile] = [told.out, own.out].map((out) => JSON.parse(out) as TracesTold);
    expect(byJaeger?.analysis.completeness).toEqual(byFile?.analysis.completeness);
    expect(byJaeger?.comparison?.blame).toEqual(byFile?.comparison?.blame);
    expect(byJaeger?.slowest.map(({ traceId }) => traceId)).toEqual(
      byFile?.slowest.map(({ traceId }) => traceId),
    );
  }
  await using jaeger = await fakeJaeger(stored.slice(3));
  const { out, err } = await squall(["latest", "--json", "--traces-from", jaeger.url]);
  expect(err).toBe("2 traces that clients were given, or that others link to, are not in Jaeger\n");
  expect((JSON.parse(out) as TracesTold).analysis.completeness.traces).toBe(237);
});

test("--traces-from is refused where it is no URL, or no Jaeger answers", async () => {
  const noUrl = await squall(["latest", "--traces-from", "jaeger:16686"]);
  expect(noUrl).toMatchObject({
    exitCode: 3,
    err: expect.stringContaining("expected a URL such as") as string,
  });
  const gone = await fakeJaeger([]);
  await gone[Symbol.asyncDispose]();
  const nobody = await squall(["latest", "--traces-from", gone.url]);
  expect(nobody).toMatchObject({ exitCode: 3, err: expect.stringContaining("ECONNREFUSED") as string });
});

test("the run's own trace is none of the fleet's: nothing that is told changes", async () => {
  const before = (await squall(["latest", "--json"])).out;
  const folder = runFolder(join(runs, readdirSync(runs)[0] ?? ""));
  const fleet = readFileSync(folder.traces);
  recordRunTrace(folder, deviatedSummary());
  expect(readFileSync(folder.traces, "utf8")).toContain('"stringValue":"squall"');
  expect((await squall(["latest", "--json"])).out).toBe(before);
  writeFileSync(folder.traces, fleet);
});

test("it writes nothing", async () => {
  const folder = join(runs, readdirSync(runs)[0] ?? "");
  const before = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]);
  await squall(["latest"]);
  expect(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")])).toEqual(before);
});

test("docs/traces.md names every option, every analysis, and the examples of --help", async () => {
  const page = readFileSync("docs/traces.md", "utf8");
  const { out } = await squall(["--help"]);
  const options = out.match(/^ {2}--[a-z]+/gm)?.map((option) => option.trim()) ?? [];
  expect(options.length).toBeGreaterThan(4);
  for (const option of options) expect(page).toContain(`| \`${option}`);
  for (const [, example] of out.matchAll(/^ {2}\$ (.*)$/gm)) expect(page).toContain(example);
  const told = JSON.parse((await squall(["latest", "--json"])).out) as TracesTold;
  expect(Object.keys(told.analysis)).toHaveLength(11);
  for (const file of readdirSync("harness/traces").filter((name) => isAnalysis.test(name)))
    expect(page).toContain(`\`${file}\``);
});

describe("spans that are lost or broken", () => {
  test("are said before anything is concluded", async () => {
    const name = "2026-11-20T10-00-00-broken";
    writeRun(name);
    const { traces } = runFolder(join(runs, name));
    const lines = readFileSync(traces, "utf8").split("\n");
    // The first sale's front is lost, a line is no JSON, the last one is cut off, and one came twice.
    writeFileSync(traces, [...lines.slice(1, -1), "no JSON", lines[3], '{"resourceSp'].join("\n"));
    const { out } = await squall([name]);
    const head = out.split("\n").slice(2, 6).join("\n");
    expect(head).toContain("240 traces of 478 spans; 2 spans came more than once");
    expect(head).toContain("! 1 trace is incomplete (1 no root, 1 parents missing)");
    expect(head).toContain(traceIdOf("sale 0"));
    expect(head).toContain("! 2 batches of spans could not be read");
  });

  test("a run without spans says so, and blames nobody", async () => {
    const name = "2026-11-19T10-00-00-none";
    writeRun(name);
    rmSync(runFolder(join(runs, name)).traces);
    const { exitCode, out } = await squall([name]);
    expect(exitCode).toBe(0);
    expect(out).toContain("0 traces of 0 spans");
    expect(out).toContain("nothing to compare");
  });
});

describe("what is wrong on the command line ends with 3", () => {
  test.each([
    [["latest", "--journey", "by"], 'unknown journey "by", did you mean "buy"?'],
    [["latest", "--compare", "baseline"], 'expected two phases such as baseline,fault, got "baseline"'],
    [["latest", "--compare", "baseline,baseline"], "expected two phases"],
    [["latest", "--compare", "baseline,fualt"], 'unknown phase "fualt", did you mean "fault"?'],
    [
      ["latest", "--compare", "baseline,recovery"],
      "expected two phases of the run, which had baseline, fault",
    ],
    [["latest", "--slowest", "-1"], 'expected a number of traces, got "-1"'],
    [["lates"], 'there is no run "lates"'],
  ])("squall traces %j", async (args, message) => {
    const { exitCode, out, err } = await squall(args);
    expect(err).toContain(message);
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
  });
});
