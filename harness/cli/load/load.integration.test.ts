import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { root, squall, type SquallCommand } from "../../../test/e2e/squall-command.ts";
import { readJsonl } from "../../base/jsonl.ts";
import { waitFor } from "../../base/wait.ts";
import { startScriptedServer, type ScriptedServer } from "../../load/fixtures/scripted-server.ts";
import { historyLineSchema, type HistoryLine } from "../../record/history.ts";
import { runFolder } from "../../record/run-folder.ts";
import { quantile } from "../../stats/quantile.ts";
import { fakeHost } from "../fake-host.ts";
import { main } from "../main.ts";
import type { LoadReport } from "./load-report.ts";

// The command as a user starts it, against a server that does what the path says.
const folder = mkdtempSync(join(tmpdir(), "squall-load-"));
const fixtures = join(root, "harness/load/fixtures/journeys.ts");
let server: ScriptedServer;

beforeAll(async () => {
  server = await startScriptedServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Started as a user would; ended with its test, however that goes. */
function started(args: readonly string[], cwd?: string): SquallCommand {
  const command = squall(args, cwd);
  running.add(command.child);
  return command;
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
});

async function run(...args: readonly string[]) {
  const host = fakeHost(args);
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err() };
}

describe("a load of known delays and known failures", () => {
  const out = join(folder, "known");
  const mix = { ok: 6, slow: 2, unavailable: 2, cut: 1, never: 1, mistaken: 1, "not-awaited": 1 };
  const paths = { slow: "/slow/100", unavailable: "/status/503", cut: "/cut", never: "/never" };
  let report: LoadReport;
  let progress: string;
  let seen: readonly string[];
  let lines: readonly HistoryLine[];

  beforeAll(async () => {
    const weights = Object.entries(mix).map(([name, weight]) => `${name}=${weight}`);
    const command = started([
      ...["load", fixtures, "--mix", weights.join(","), "--url", server.baseUrl, "--out", out, "--json"],
      ...["--rate", "150/s", "--for", "1100ms", "--timeout", "900ms", "--seed", "known", "--hdr"],
    ]);
    const exitCode = await command.exit;
    report = JSON.parse(command.out()) as LoadReport;
    // On a machine that is busy enough the driver is late, and says so.
    expect({ exitCode, err: command.err() }).toMatchObject({
      exitCode: report.problems.length === 0 ? 0 : 2,
    });
    progress = command.err();
    seen = server.seen.map(({ url }) => url);
    lines = readJsonl(runFolder(out).history, (line) => historyLineSchema.parse(line)).lines;
  });

  test("is told with as many journeys and requests as the server saw", () => {
    const started = report.journeys.reduce((sum, { total }) => sum + total, 0);
    expect(report).toMatchObject({ intended: started, started, interrupted: false });
    for (const [journey, path] of Object.entries(paths)) {
      const came = seen.filter((url) => url === path).length;
      const own = journey === "unavailable" ? figuresOf("not-awaited").total : 0;
      expect({ journey, total: figuresOf(journey).total }).toEqual({ journey, total: came - own });
    }
    const requests = report.steps.reduce((sum, { total, unsent }) => sum + total - unsent, 0);
    expect(requests).toBe(seen.length);
  });

  test("is told with the completion of each", () => {
    const expected = {
      ok: { completion: "ok", errors: [] },
      slow: { completion: "ok", errors: [] },
      unavailable: { completion: "fail", errors: ["http-503"] },
      cut: { completion: "unknown", errors: ["reset"] },
      never: { completion: "unknown", errors: ["timeout"] },
      mistaken: { completion: "fail", errors: ["journey-error"] },
      "not-awaited": { completion: "fail", errors: ["http-503"] },
    } as const;
    for (const [journey, { completion, errors }] of Object.entries(expected)) {
      const figures = figuresOf(journey);
      expect({ journey, count: figures[completion] }).toEqual({ journey, count: figures.total });
      expect({ journey, errors: Object.keys(figures.errors) }).toEqual({ journey, errors });
    }
  });

  test("is told with percentiles that are those of its history, within 0.1 %", () => {
    for (const { journey, latency } of report.journeys) {
      const samples = lines.flatMap((line) =>
        line.kind === "journey" && line.journey === journey ? [line.endedMs - line.intendedMs] : [],
      );
      for (const [of, share] of [
        ["p50Ms", 0.5],
        ["p90Ms", 0.9],
        ["p999Ms", 0.999],
        ["maxMs", 1],
      ] as const) {
        const exact = quantile(samples, share);
        expect(latency?.[of]).toBeGreaterThanOrEqual(exact);
        expect(latency?.[of]).toBeLessThanOrEqual(exact * 1.001);
      }
    }
    expect(figuresOf("slow").latency?.minMs).toBeGreaterThanOrEqual(99);
    expect(figuresOf("never").latency?.minMs).toBeGreaterThanOrEqual(899);
  });

  test("names the slowest requests by their traces, and each kind of error with what it said", () => {
    expect(report.highlights?.slowest[0]).toMatchObject({
      journey: "never",
      step: "never",
      errorKind: "timeout",
    });
    const traces = lines.map(({ traceId }) => traceId);
    for (const { traceId } of report.highlights?.slowest ?? []) expect(traces).toContain(traceId);
    expect(report.highlights?.errors).toContainEqual({
      journey: "mistaken",
      kind: "journey-error",
      count: figuresOf("mistaken").total,
      steps: [],
      message: "a mistake in the journey",
    });
  });

  test("tells in a pipe how it goes, a line a second", () => {
    expect(progress).toMatch(
      /^\d\d:\d\d:\d\d {2}(1 s of 1.1 s|arrivals are over) · [\d,]+\/s asked, .* under way · p50 .* not ok .*http-503 \d+/m,
    );
  });

  test("leaves the same in its folder, and the percentiles for HdrHistogram's tools", () => {
    expect(JSON.parse(readFileSync(runFolder(out).summary, "utf8"))).toEqual(report);
    expect(readFileSync(join(out, "latency.hgrm"), "utf8")).toContain("1/(1-Percentile)");
  });

  test("is shown again from its folder, by itself or merged with none twice", async () => {
    const again = await run("load", "--merge", out);
    expect(again).toMatchObject({ exitCode: 0, err: "" });
    expect(again.out).toContain(`${report.all.total} ended`);
    expect(again.out).toMatch(/^never .*9\d\d ms/m);
    expect(await run("load", "--merge", out, out)).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining("a load is there twice") as string,
    });
  });

  test("is compared with another, with a word of caution", async () => {
    const compared = await run("load", "--compare", out, out);
    expect(compared).toMatchObject({ exitCode: 0, err: "" });
    expect(compared.out).toMatch(/^slow +.* → .* \?/m);
    expect(compared.out).toContain("Two runs alone do not prove a difference");
  });

  test("is not written over another's results", async () => {
    const args = ["load", `${server.baseUrl}/ok`, "--out", out];
    expect(await run(...args)).toMatchObject({
      exitCode: 3,
      err: expect.stringContaining(`--out: there are results in ${out} already`) as string,
    });
  });

  function figuresOf(journey: string): LoadReport["journeys"][number] {
    const figures = report.journeys.find((one) => one.journey === journey);
    if (figures === undefined) throw new Error(`no journey ${journey} ended`);
    return figures;
  }
});

test("Ctrl-C ends the arrivals, and the summary so far is told; the journey that was taken is there to be grown", async () => {
  const before = server.seen.length;
  const out = join(folder, "interrupted");
  const command = started([
    "load",
    `${server.baseUrl}/ok?page=1`,
    "--rate",
    "50/s",
    "--for",
    "1m",
    "--out",
    out,
  ]);
  await waitFor({ what: "some requests", withinMs: 20_000 }, () => server.seen.length > before + 10);
  command.child.kill("SIGINT");
  expect(await command.exit).toBe(130);
  expect(command.err()).toContain("SIGINT: no more arrivals; what is under way may end");
  const count = server.seen.length - before;
  expect(command.out()).toContain("GET /ok?page=1 at 50/s for 1 min");
  expect(command.out()).toMatch(/^interrupted after/m);
  expect(command.out()).toContain(`${count} journeys intended, ${count} started, ${count} ended`);
  expect(command.out()).toContain(`${count} ok (100 %)`);
  expect(readFileSync(join(out, "journeys.mjs"), "utf8")).toContain('http.get("get", "/ok?page=1")');
});

test("a second Ctrl-C ends what is under way, which is told as unknown", async () => {
  const before = server.seen.length;
  const out = join(folder, "cut");
  const command = started([
    ...["load", `${server.baseUrl}/never`, "--rate", "50/s", "--for", "1m", "--timeout", "10m"],
    ...["--out", out, "--json", "--quiet"],
  ]);
  await waitFor({ what: "some requests", withinMs: 20_000 }, () => server.seen.length > before + 5);
  command.child.kill("SIGINT");
  await waitFor({ what: "the first to be heard", withinMs: 5_000 }, () => command.err().includes("SIGINT"));
  command.child.kill("SIGINT");
  expect(await command.exit).toBe(130);
  const { all, interrupted } = JSON.parse(command.out()) as LoadReport;
  const count = server.seen.length - before;
  expect({ interrupted, unknown: all.unknown, total: all.total }).toEqual({
    interrupted: true,
    unknown: count,
    total: count,
  });
});

const hasScript = spawnSync("script", ["--version"]).status === 0;

test.skipIf(!hasScript)("on a narrow terminal no line is wider than it", async () => {
  const columns = 40;
  const command = [
    `stty cols ${columns} rows 40;`,
    ...[process.execPath, join(root, "harness/cli/squall.ts"), "load", `${server.baseUrl}/status/503`],
    ...["--rate", "40/s", "--for", "500ms", "--out", "narrow"],
  ].join(" ");
  const terminal = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: folder,
    env: { ...process.env, TERM: "xterm" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(terminal);
  const ended = once(terminal, "close");
  const written = await text(terminal.stdout);
  expect(await ended).toEqual([written.includes("inconclusive") ? 2 : 0, null]);
  expect(written).toContain("\x1b[J");
  const shown = written.split(/\r?\n/).map((line) => stripVTControlCharacters(line));
  for (const line of shown) expect([...line].length, line).toBeLessThanOrEqual(columns);
  expect(shown).toContainEqual(expect.stringContaining("Ctrl-C stops and sums up"));
  expect(shown).toContainEqual(expect.stringMatching(/^\d+ {2}http-503$/));
});

describe("of a server with TLS", () => {
  const certificate = (name: string): string =>
    join(root, `harness/load/http/fixtures/self-signed.${name}.pem`);
  const secure = createServer(
    { cert: readFileSync(certificate("cert")), key: readFileSync(certificate("key")) },
    (_request, response) => response.end("{}"),
  );
  let url: string;

  beforeAll(async () => {
    secure.listen(0, "127.0.0.1");
    await once(secure, "listening");
    url = `https://localhost:${(secure.address() as AddressInfo).port}/`;
  });
  afterAll(() => secure.close());

  test.each([
    ["--ca", ["--ca", certificate("cert")], 0],
    ["--insecure", ["--insecure"], 0],
    ["neither", [], 1],
  ] as const)("with %s its certificate is taken for what it is", async (_, flags, refusedRatio) => {
    const out = join(folder, `tls-${flags.length}`);
    const command = started([
      "load",
      url,
      "--rate",
      "20/s",
      "--for",
      "500ms",
      "--out",
      out,
      "--json",
      ...flags,
    ]);
    await command.exit;
    const { all } = JSON.parse(command.out()) as LoadReport;
    expect(all.total).toBeGreaterThan(0);
    expect(all.fail).toBe(all.total * refusedRatio);
  });

  test.each([
    [["--insecure", "--ca", "x.pem"], "--insecure: with --ca"],
    [["--ca", fixtures], "--ca: expected certificates in PEM"],
    [["--insecure", "--url", "http://127.0.0.1:1"], "--insecure: expected a URL of https:, got http:"],
  ] as const)("%j is refused", async (flags, message) => {
    const { exitCode, err } = await run("load", fixtures, "--url", url, ...flags);
    expect(err).toContain(message);
    expect(exitCode).toBe(3);
  });
});

test("a load that cannot begin leaves no folder behind", async () => {
  const elsewhere = started(["load", `${fixtures}:dance`, "--url", server.baseUrl], folder);
  expect(await elsewhere.exit).toBe(3);
  expect(elsewhere.err()).toContain('unknown journey "dance"');
  expect(readdirSync(join(folder, "loads"))).toEqual([]);
});
