import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { readMetricsLog, type MetricsLine } from "../record/metrics-log.ts";
import { recordMetrics, type MetricsRecorderOptions } from "./metrics-recorder.ts";
import { createScraper, type ScrapeTarget } from "./scrape.ts";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let file: string;
let servers: Server[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-recorder-"));
  file = join(folder, "scrapes.jsonl.gz");
  servers = [];
});
afterEach(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(folder, { recursive: true, force: true });
});

async function serve(answer: Answer): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
}

const target = (instance: string, url: string): ScrapeTarget => ({ job: "order", instance, url });

function record(options: Pick<MetricsRecorderOptions, "targets"> & Partial<MetricsRecorderOptions>) {
  let asked = 0;
  const text = (): Promise<string> => Promise.resolve(`own ${(asked += 1)}\n# EOF\n`);
  const own = { job: "squall", instance: "a-run", contentType: "application/openmetrics-text", text };
  return recordMetrics({ file, run: "a-run", own, everyMs: 50, ...options });
}

async function linesOf(instance: string): Promise<readonly MetricsLine[]> {
  const lines: MetricsLine[] = [];
  for await (const line of readMetricsLog(file)) lines.push(line);
  return lines.filter((line) => "instance" in line && line.instance === instance);
}

const timesOf = (lines: readonly MetricsLine[]): readonly number[] =>
  lines.map((line) => ("atMs" in line ? line.atMs : NaN));

test("every target is asked again and again, and what it says is kept as it came", async () => {
  let asked = 0;
  const url = await serve((_, response) => {
    asked += 1;
    response.setHeader("content-type", "application/openmetrics-text; version=1.0.0");
    response.end(`a_total ${asked}\n# EOF\n`);
  });
  const recorder = record({ targets: () => [target("order", url), target("order-2", url)] });
  await waitFor({ what: "six scrapes", withinMs: 10_000 }, () => recorder.figures.scrapes >= 6);
  await recorder[Symbol.asyncDispose]();
  const kept = [...(await linesOf("order")), ...(await linesOf("order-2"))];
  expect(kept).toHaveLength(asked);
  expect(recorder.figures).toMatchObject({ scrapes: asked, failed: 0, targets: 2, problem: undefined });
  expect(kept.map((line) => line.event === "scraped" && line.body).toSorted()).toEqual(
    Array.from({ length: asked }, (_, index) => `a_total ${index + 1}\n# EOF\n`).toSorted(),
  );
  const times = timesOf(await linesOf("order"));
  for (const [index, atMs] of times.slice(1).entries())
    expect(atMs - (times[index] as number)).toBeGreaterThan(10);
});

test("a target that hangs, refuses or breaks off is a line as well, and keeps no other one waiting", async () => {
  const hangs = await serve(() => undefined);
  const refuses = await serve((_, response) => void response.writeHead(503).end("no"));
  const breaks = await serve((_, response) => {
    response.write("a 1\n");
    setTimeout(() => response.destroy(), 5);
  });
  const works = await serve((_, response) => void response.end("a 1\n"));
  const gone = await serve(() => undefined);
  servers.at(-1)?.close();
  const all = { hangs, refuses, breaks, works, gone };
  const recorder = record({
    targets: () => Object.entries(all).map(([name, url]) => target(name, url)),
    everyMs: 320,
    bounds: { deadlineMs: 300, limitBytes: 1_000 },
  });
  await waitFor({ what: "four scrapes of each", withinMs: 10_000 }, () => recorder.figures.scrapes >= 20);
  await recorder[Symbol.asyncDispose]();
  const late = "no whole answer within 300 ms";
  const messages = async (name: string): Promise<readonly unknown[]> => {
    const told = (await linesOf(name)).map((line) =>
      line.event === "scrape-failed" ? line.message : line.event,
    );
    // Any may be late now and then on a busy machine; one that hangs is so always.
    return [...new Set(name === "hangs" ? told : told.filter((message) => message !== late))];
  };
  expect(await messages("works")).toEqual(["scraped"]);
  expect(await messages("hangs")).toEqual([late]);
  expect(await messages("refuses")).toEqual(["expected status 200, got 503"]);
  expect(await messages("breaks")).toEqual(["aborted"]);
  expect(await messages("gone")).toEqual([expect.stringContaining("ECONNREFUSED")]);
  // One that hangs is asked as often as one that works.
  const [slow, quick] = [await linesOf("hangs"), await linesOf("works")];
  expect(slow.length).toBeGreaterThanOrEqual(quick.length - 2);
});

test("a target that takes longer than the time between two scrapes is asked once at a time", async () => {
  let underWay = 0;
  let most = 0;
  const url = await serve((_, response) => {
    most = Math.max(most, (underWay += 1));
    setTimeout(() => {
      underWay -= 1;
      response.end("a 1\n");
    }, 60);
  });
  const bounds = { deadlineMs: 10_000, limitBytes: 1_000 };
  const recorder = record({ targets: () => [target("order", url)], everyMs: 10, bounds });
  await waitFor({ what: "two scrapes", withinMs: 10_000 }, () => recorder.figures.scrapes >= 2);
  await recorder[Symbol.asyncDispose]();
  expect(most).toBe(1);
});

test("targets come and go while it records, and one that goes is let go of", async () => {
  const url = await serve((_, response) => void response.end("a 1\n"));
  const leaving = await serve((_, response) => void response.end("a 1\n"));
  const closed = new Promise<void>((resolve) =>
    servers.at(-1)?.on("connection", (socket: Socket) => socket.on("close", () => resolve())),
  );
  let targets: readonly ScrapeTarget[] = [target("order", leaving)];
  const recorder = record({ targets: () => targets });
  await waitFor({ what: "a scrape", withinMs: 10_000 }, () => recorder.figures.scrapes >= 2);
  targets = [target("order-2", url)];
  await waitFor({ what: "the other's", withinMs: 10_000 }, () => recorder.figures.targets === 2);
  await closed; // while the other is still scraped
  await recorder[Symbol.asyncDispose]();
  const [first, second] = [timesOf(await linesOf("order")), timesOf(await linesOf("order-2"))];
  expect(Math.max(...first)).toBeLessThan(Math.min(...second));
});

test("a list of targets that cannot be had is told, and is asked for again", async () => {
  const url = await serve((_, response) => void response.end("a 1\n"));
  let calls = 0;
  const recorder = record({
    targets: () => {
      if ((calls += 1) === 1) throw new Error("half written");
      return [target("order", url)];
    },
  });
  await waitFor({ what: "a scrape", withinMs: 10_000 }, () => recorder.figures.scrapes >= 1);
  await recorder[Symbol.asyncDispose]();
  expect(recorder.figures.problem).toBe("targets are not known: half written");
});

test("own metrics are kept at each change as well, changes at once together, and last of all", async () => {
  const recorder = record({ targets: () => [], everyMs: 600_000 });
  await waitFor({ what: "the first", withinMs: 10_000 }, async () => (await linesOf("a-run")).length > 0);
  recorder.recordOwn();
  recorder.recordOwn();
  recorder.recordOwn();
  await recorder[Symbol.asyncDispose]();
  const lines = await linesOf("a-run");
  expect(lines.map((line) => line.event === "scraped" && line.body)).toEqual([
    "own 1\n# EOF\n",
    "own 2\n# EOF\n",
    "own 3\n# EOF\n",
  ]);
  const times = timesOf(lines);
  for (const [index, atMs] of times.slice(1).entries())
    expect(atMs - (times[index] as number)).toBeGreaterThan(2);
});

test("what was scraped is in the file at once: a crash loses none of it", async () => {
  const url = await serve((_, response) => void response.end("a 1\n"));
  const recorder = record({ targets: () => [target("order", url)] });
  await waitFor(
    { what: "a line in the file", withinMs: 10_000 },
    async () => (await linesOf("order")).length > 0,
  );
  await recorder[Symbol.asyncDispose]();
});

test("it asks for OpenMetrics first, as Prometheus does", async () => {
  let headers: IncomingMessage["headers"] = {};
  const url = await serve((request, response) => {
    headers = request.headers;
    response.end("a 1\n");
  });
  using scraper = createScraper();
  await scraper.scrape(url);
  expect(headers.accept).toMatch(
    /^application\/openmetrics-text;version=1\.0\.0,text\/plain;version=0\.0\.4;q=0\.5/,
  );
});

test("a target's connection is kept; one that the target closes between two scrapes, or at the next, is no failure", async () => {
  let connections = 0;
  const closed: Socket[] = [];
  const url = await serve(({ socket }, response) => {
    // The request comes on a kept connection, and the target hangs up instead of answering.
    if (closed.includes(socket)) return void socket.resetAndDestroy();
    response.end("a 1\n");
  });
  servers.at(-1)?.on("connection", () => (connections += 1));
  using scraper = createScraper();
  const kinds: string[] = [];
  const look = async (): Promise<void> => void kinds.push((await scraper.scrape(url)).kind);
  await look();
  await look();
  expect(connections).toBe(1);
  servers.at(-1)?.on("request", ({ socket }: IncomingMessage) => closed.push(socket));
  await look();
  await look();
  expect(connections).toBe(2);
  servers.at(-1)?.closeAllConnections();
  await look();
  expect(kinds).toEqual(["answered", "answered", "answered", "answered", "answered"]);
});

test("an answer over the limit is refused before it is all here", async () => {
  const url = await serve((_, response) => {
    const more = (): void => void (response.destroyed || response.write("a 1\n".repeat(10_000), more));
    more();
  });
  using scraper = createScraper({ deadlineMs: 10_000, limitBytes: 100_000 });
  expect(await scraper.scrape(url)).toMatchObject({
    kind: "failed",
    message: "expected at most 100000 bytes",
  });
});
