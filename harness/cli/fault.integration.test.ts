import { createServer, connect } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { startKiosk, type Kiosk } from "./kiosk.fixture.ts";

const callee = createServer((socket) => socket.end("hello"));
let kiosk: Kiosk;

beforeAll(async () => {
  callee.listen(0, "127.0.0.1");
  await once(callee, "listening");
  kiosk = await startKiosk({ host: "127.0.0.1", port: (callee.address() as { port: number }).port });
});
afterAll(async () => {
  await kiosk[Symbol.asyncDispose]();
  callee.close();
});

beforeEach(async () => {
  await squall("remove", "--all");
});

const squall = (...args: readonly string[]) => kiosk.squall("fault", ...args);

/** What a client gets over an edge, and after how long; `undefined` when it is refused or cut. */
async function call(name: string): Promise<{ text: string; tookMs: number } | undefined> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(kiosk.listenOf(name).port, "127.0.0.1")
      .on("data", (chunk) => (text += chunk.toString()))
      .on("error", () => resolve(undefined))
      .on("close", () => resolve(text === "" ? undefined : { text, tookMs: performance.now() - startedMs }));
    socket.end();
  });
}

test("a fault added by hand is felt on its edge alone, listed, and gone when removed", async () => {
  expect(await call("stock -> smtp")).toMatchObject({ text: "hello" });

  const added = await squall("add", "latency", "--edge", "stock->smtp", "--delay", "300ms");
  expect(added).toMatchObject({ exitCode: 0, err: "" });
  expect(added.out).toContain("latency-1: latency of 300 ms on stock -> smtp");
  expect((await call("stock -> smtp"))?.tookMs).toBeGreaterThanOrEqual(290);
  expect((await call("front -> stock"))?.tookMs).toBeLessThan(290);

  const { out } = await squall("list");
  expect(out).toMatch(/^latency-1 {2}stock -> smtp {2}latency .*latency=300/);
  expect(out).toContain("1 connection matched, 1 drawn, 1 affected (5 B)");
  expect(out).toMatch(/first felt .* ago, last .* ago; ends by itself in (10 min|9 min)/);

  expect(await squall("remove", "latency-1")).toMatchObject({ exitCode: 0, out: "latency-1: ended\n" });
  expect((await call("stock -> smtp"))?.tookMs).toBeLessThan(290);
  expect(await squall("list")).toMatchObject({ out: "nothing is broken\n" });
});

test("a fault ends by itself after --for", async () => {
  await squall("add", "down", "--edge", "front -> stock", "--for", "300ms");
  expect(await call("front -> stock")).toBeUndefined();
  await waitFor({ what: "the fault to end", withinMs: 5_000 }, () => call("front -> stock"));
});

test("two faults have two names, and --all removes both", async () => {
  await squall("add", "down", "--edge", "front -> stock");
  await squall("add", "down", "--edge", "stock -> smtp");
  const { out } = await squall("list", "--json");
  const names = (JSON.parse(out) as { lease: string }[]).map(({ lease }) => lease);
  expect(names).toEqual([expect.stringMatching(/^down-\d+$/), expect.stringMatching(/^down-\d+$/)]);
  expect(new Set(names).size).toBe(2);
  await squall("remove", "--all");
  expect(await squall("list")).toMatchObject({ out: "nothing is broken\n" });
  expect(await call("front -> stock")).toMatchObject({ text: "hello" });
});

test("every mistake in a fault's flags is told at once, and nothing is injected", async () => {
  const refused = await squall("add", "latency", "--edge", "stock->smpt", "--delay", "3", "--rate", "1KB/s");
  expect(refused.exitCode).toBe(3);
  expect(refused.err).toContain('--edge: unknown edge "stock -> smpt", did you mean "stock -> smtp"?');
  expect(refused.err).toContain('--delay: expected a duration such as "200ms", got "3"');
  expect(refused.err).toContain('--rate: unknown key "rate"');
  expect(await squall("list")).toMatchObject({ out: "nothing is broken\n" });
});

test("how long a fault lives is bounded", async () => {
  const refused = await squall("add", "down", "--edge", "stock->smtp", "--for", "0s");
  expect(refused.err).toContain('--for: expected a duration from 100ms to 24h, got "0s"');
});

test("a fault that is not there cannot be removed", async () => {
  expect(await squall("remove", "latency-9")).toMatchObject({
    exitCode: 3,
    err: expect.stringContaining('there is no fault "latency-9"') as string,
  });
});

test("a fault of calls is refused where its protocol is not spoken, before anything is injected", async () => {
  const http = await squall("add", "http-abort", "--edge", "stock->smtp");
  expect(http).toMatchObject({ exitCode: 3, out: "" });
  expect(http.err).toContain("--edge: this fault needs calls over HTTP; smtp is called by smtp");
  const pg = await squall("add", "pg_error", "--edge", "front->stock", "--code", "40001");
  expect(pg.err).toContain("--edge: this fault needs a PostgreSQL store; stock is called by http");
  expect(await squall("list")).toMatchObject({ out: "nothing is broken\n" });
});

test("every mistake in the flags of a fault of calls is told at once, in the words of the flags", async () => {
  const refused = await squall(
    ...["add", "--edge", "front->stock", "http_rate_limit", "--rate", "5", "--nth", "x", "--burst", "0"],
    ...["--match", "{method: post, paht: /a}", "--retry-after", "500ms", "--after", "3"],
  );
  expect(refused.exitCode).toBe(3);
  expect(
    refused.err
      .split("\n")
      .filter((line) => line.includes("--"))
      .map((line) => line.replace(/^error /, "")),
  ).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^--match.method: expected a method in capitals/),
      expect.stringMatching(/^--match.paht: unknown key "paht", did you mean "path"/),
      '--nth: expected a whole number of calls from 1, got "x"',
      '--after: expected a name of lower-case letters, digits and hyphens, got "3"',
      '--rate: expected a rate such as "60/s", got "5"',
      "--burst: expected a whole number of calls from 1, got 0",
      '--retry-after: expected whole seconds such as "2s", got "500ms"',
    ]),
  );
});

test("a mistake in the fault as a whole is told by its kind", async () => {
  const refused = await squall("add", "http-header", "--edge", "front->stock");
  expect(refused.err).toContain("http-header: expected headers to set or to remove");
});

test("a fault cannot wait for one that is not there", async () => {
  const { out } = await squall("add", "latency", "--edge", "front->stock", "--delay", "1ms", "--json");
  const { name } = JSON.parse(out) as { name: string };
  const refused = await squall("add", "http-abort", "--edge", "front->stock", "--after", `${name}9`);
  expect(refused.exitCode).toBe(3);
  expect(refused.err).toContain(`--after: unknown fault "${name}9", did you mean "${name}"?`);
  expect(JSON.parse((await squall("list", "--json")).out)).toMatchObject([{ lease: name }]);
});

test("an arrow that the shell has taken for itself is told to be put in quotes", async () => {
  const refused = await squall("add", "down", "--edge", "front-");
  expect(refused.err).toContain("hint: put the edge in quotes");
});

test("delays can be spread, and replayed as recorded", async () => {
  const added = await squall("add", "latency", "--edge", "front->stock", "--values", "5ms, 60ms");
  expect(added.out).toContain("latency of 5 ms to 60 ms as recorded on front -> stock");
  const { out } = await squall("list");
  expect(out).toContain('distribution="replay" values=[5,60]');
});

test("the list as data has the counts, and when each fault ends by itself", async () => {
  await squall("add", "latency", "--edge", "front->stock", "--delay", "1ms", "--for", "60s");
  await call("front -> stock");
  const { out } = await squall("list", "--json");
  const [fault] = JSON.parse(out) as { ends_in_ms: number }[];
  expect(fault).toMatchObject({
    matched: { requests: 0, connections: 1 },
    drawn: { requests: 0, connections: 1 },
    affected: { requests: 0, connections: 1, bytes: 5 },
    unreadable_connections: 0,
    first_affected_at_ms: expect.any(Number) as number,
  });
  expect(fault?.ends_in_ms).toBeGreaterThan(0);
  expect(fault?.ends_in_ms).toBeLessThanOrEqual(60_000);
});
