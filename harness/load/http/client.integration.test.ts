import { createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { waitFor } from "../../base/wait.ts";
import { createClient, type Client } from "./client.ts";
import { startScriptedServer, type ScriptedServer } from "../fixtures/scripted-server.ts";

let server: ScriptedServer;
let client: Client;
const get = (path: string) => client.exchange({ method: "GET", path, headers: {} });
const open = (options: { maxConnections?: number; timeoutMs?: number; baseUrl?: string } = {}) => {
  client = createClient({ baseUrl: server.baseUrl, maxConnections: 8, timeoutMs: 5_000, ...options });
};

beforeEach(async () => {
  server = await startScriptedServer();
});
afterEach(async () => {
  await client.close();
  await server[Symbol.asyncDispose]();
});

it("an answer comes with its status, headers, text and times", async () => {
  open();
  const before = Date.now();
  const exchange = await get("/slow/50");
  expect(exchange).toMatchObject({ kind: "answered", status: 200, text: '{"ok":true}' });
  if (exchange.kind !== "answered") return;
  expect(exchange.headers["content-type"]).toBe("application/json");
  expect(exchange.sentMs).toBeGreaterThanOrEqual(before - 1);
  expect(exchange.endedMs - exchange.sentMs).toBeGreaterThanOrEqual(49);
});

it("a reset after the request is a reset that was sent, and the request is not sent again", async () => {
  open();
  expect(await get("/ok")).toMatchObject({ kind: "answered" });
  expect(await get("/reset")).toMatchObject({ kind: "reset", sentMs: expect.any(Number) as number });
  expect(await get("/ok")).toMatchObject({ kind: "answered" });
  expect(server.seen.map(({ url }) => url)).toEqual(["/ok", "/reset", "/ok"]);
});

it("an answer that is cut off is a reset, with the status it began with", async () => {
  open();
  expect(await get("/cut")).toMatchObject({ kind: "reset", status: 200 });
  expect(server.seen).toHaveLength(1);
});

it("no answer in time is a time-out, and its connection is closed", async () => {
  open({ timeoutMs: 200 });
  const exchange = await get("/never");
  expect(exchange).toMatchObject({ kind: "timeout", message: "no whole answer within 200 ms" });
  if (exchange.kind === "timeout") expect(exchange.endedMs - exchange.sentMs).toBeGreaterThan(150);
  await waitFor({ what: "the connection to close", withinMs: 5_000 }, () => server.connections.closed > 0);
});

it("where nobody listens the request is refused, and was never sent", async () => {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  open({ baseUrl: `http://127.0.0.1:${port}` });
  const exchange = await get("/ok");
  expect(exchange.kind).toBe("refused");
  expect(exchange).not.toHaveProperty("sentMs");
});

it("connections are capped, kept alive, and the queue behind them is bounded", async () => {
  open({ maxConnections: 2 });
  let go = (): void => undefined;
  server.stall = new Promise((resolve) => (go = resolve));
  const exchanges = Array.from({ length: 20 }, () => get("/ok"));
  // 2 on connections, 8 waiting, 10 too many: those end at once, while the server still stalls.
  const overflow = await Promise.all(exchanges.slice(10));
  expect(overflow.map(({ kind }) => kind)).toEqual(Array(10).fill("not-sent"));
  await waitFor({ what: "two requests at the server", withinMs: 5_000 }, () => server.seen.length === 2);
  go();
  const rest = await Promise.all(exchanges.slice(0, 10));
  expect(rest.map(({ kind }) => kind)).toEqual(Array(10).fill("answered"));
  expect(server.connections.most).toBe(2);
  expect(server.seen).toHaveLength(10);
});

it("a request's time runs also while it waits for a connection", async () => {
  open({ maxConnections: 1, timeoutMs: 300 });
  const startedMs = performance.now();
  const kinds = (await Promise.all([get("/never"), get("/never"), get("/never")])).map(({ kind }) => kind);
  expect(kinds).not.toContain("answered");
  expect(performance.now() - startedMs).toBeLessThan(2 * 300);
});

it("a connection that timed out is free for the next request", async () => {
  open({ maxConnections: 1, timeoutMs: 300 });
  await get("/never");
  expect(await get("/ok")).toMatchObject({ kind: "answered" });
});

it("a cut gives up all that is under way and lets nothing new out", async () => {
  open({ maxConnections: 1 });
  const exchanges = [get("/never"), get("/ok")];
  await waitFor({ what: "the request at the server", withinMs: 5_000 }, () => server.seen.length === 1);
  client.cut();
  exchanges.push(get("/ok"));
  const kinds = (await Promise.all(exchanges)).map(({ kind }) => kind);
  expect(kinds).toEqual(["timeout", "not-sent", "not-sent"]);
  expect(server.seen).toHaveLength(1);
});

it("a request that no server could be asked is an error, and frees its place", async () => {
  open({ maxConnections: 1 });
  await expect(get("no slash")).rejects.toThrow(/path/);
  expect(await get("/ok")).toMatchObject({ kind: "answered" });
});
