import { once } from "node:events";
import { Agent, createServer, request, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startKiosk, type Kiosk } from "./kiosk.fixture.ts";

// Faults of calls by hand, on kept-alive connections over a real proxy to a real HTTP callee.
let executed: string[] = [];
const callee = createServer((incoming, response) => {
  void text(incoming).then((body) => {
    executed.push(`${incoming.method} ${incoming.url} ${body}`.trim());
    response.setHeader("content-type", "application/json");
    response.end('{"total":12}');
  });
});
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let kiosk: Kiosk;

beforeAll(async () => {
  callee.listen(0, "127.0.0.1");
  await once(callee, "listening");
  kiosk = await startKiosk({ host: "127.0.0.1", port: (callee.address() as { port: number }).port });
});
afterAll(async () => {
  agent.destroy();
  await kiosk[Symbol.asyncDispose]();
  callee.close();
  callee.closeAllConnections();
});
beforeEach(async () => {
  await squall("remove", "--all");
  executed = [];
});

const squall = (...args: readonly string[]) => kiosk.squall("fault", ...args);

/** What a client is told over front -> stock: "200 {...}", or how the connection failed. */
async function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { host, port } = kiosk.listenOf("front -> stock");
  const outgoing = request({ host, port, method, path, agent, headers });
  outgoing.end(method === "POST" ? "sale" : undefined);
  try {
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    return `${response.statusCode} ${await text(response)}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

test("the 2nd answer is lost: the callee has done it, the caller was not told, and the list says so", async () => {
  expect(await ask("POST", "/sales")).toBe('200 {"total":12}');
  executed = [];
  const added = await squall(
    ...["add", "--edge", "front->stock", "http_lost_response", "--match", "POST /sales", "--nth", "2"],
  );
  expect(added).toMatchObject({ exitCode: 0, err: "" });
  expect(added.out).toContain(
    "http-lost-response-1: lost answers of POST /sales, the 2nd call, on front -> stock",
  );

  expect(await ask("POST", "/sales")).toBe('200 {"total":12}');
  expect(await ask("GET", "/sales")).toBe('200 {"total":12}');
  expect(await ask("POST", "/sales")).toBe("ECONNRESET");
  expect(await ask("POST", "/sales")).toBe('200 {"total":12}');
  expect(executed).toEqual(["POST /sales sale", "GET /sales", "POST /sales sale", "POST /sales sale"]);

  const { out } = await squall("list");
  expect(out).toMatch(/^http-lost-response-1 {2}front -> stock {2}http-lost-response .*nth=2/);
  expect(out).toMatch(/ 3 calls matched, 1 drawn, 1 affected \(1 connection, /);
  expect(out).toMatch(/first felt .* ago, last .* ago; ends by itself in (10 min|9 min)/);
});

test("a fault waits for another by name, and for a call", async () => {
  await squall("add", "http-status", "--edge", "front->stock", "--status", "500", "--match", "GET /a");
  await squall("add", "http-status", "--edge", "front->stock", "--status", "503", "--after", "http-status-1");
  expect(await ask("GET", "/b")).toMatch(/^200/);
  expect(await ask("GET", "/a")).toMatch(/^500/);
  expect(await ask("GET", "/b")).toMatch(/^503/);

  await squall("remove", "--all");
  await squall(
    "add",
    "http-status",
    "--edge",
    "front->stock",
    "--status",
    "503",
    "--after",
    "{match: GET /a}",
  );
  expect(await ask("GET", "/b")).toMatch(/^200/);
  expect(await ask("GET", "/a")).toMatch(/^200/);
  expect(await ask("GET", "/b")).toMatch(/^503/);
});

const every = ["--edge", "front->stock"] as const;
test.each([
  ["http-status", ["--status", "503", "--body", "shut", "--headers", "x-why: chaos"], "503 shut"],
  ["http-abort", [], "ECONNRESET"],
  ["http-abort", ["--match", "{method: GET, headers: {x-shard: a}}"], "ECONNRESET"],
  ["http-lost-response", ["--then", "close"], "ECONNRESET"],
  ["http-corrupt", ["--field", "/total", "--value", "0"], '200 {"total":0}'],
  ["http-rate-limit", ["--rate", "0.01/s", "--burst", "1"], "200"],
] as const)("%s %j: a caller is told %s", async (kind, flags, told) => {
  expect(await squall("add", kind, ...every, ...flags)).toMatchObject({ exitCode: 0, err: "" });
  expect(await ask("GET", "/a", { "x-shard": "a" })).toMatch(new RegExp(`^${told.replace(/[{}]/g, "\\$&")}`));
});

test("beyond its rate a call is answered 429", async () => {
  await squall("add", "http-rate-limit", ...every, "--rate", "0.01/s", "--burst", "2", "--retry-after", "3s");
  expect(await ask("GET", "/a")).toMatch(/^200/);
  expect(await ask("GET", "/a")).toMatch(/^200/);
  expect(await ask("GET", "/a")).toMatch(/^429/);
});

test("a call is delivered twice, its body cut off, its headers changed, its time spread", async () => {
  await squall("add", "http-duplicate", ...every, "--match", "POST");
  expect(await ask("POST", "/sales")).toBe('200 {"total":12}');
  await expect.poll(() => executed).toEqual(["POST /sales sale", "POST /sales sale"]);
  await squall("remove", "--all");

  await squall("add", "http-truncate", ...every, "--bytes", "3B");
  expect(await ask("GET", "/a")).not.toContain('{"total":12}');
  await squall("remove", "--all");

  await squall("add", "http-header", ...every, "--set", "x-note: storm", "--remove", "content-type");
  const { host, port } = kiosk.listenOf("front -> stock");
  const answer = await fetch(`http://${host}:${port}/a`);
  expect([answer.headers.get("x-note"), answer.headers.get("content-type")]).toEqual(["storm", null]);
  await answer.text();
  await squall("remove", "--all");

  await squall("add", "http-delay", ...every, "--values", "120ms,1ms", "--before", "answer");
  const startedMs = performance.now();
  expect(await ask("GET", "/a")).toMatch(/^200/);
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(115);
});
