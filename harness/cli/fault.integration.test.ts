import { createServer, connect } from "node:net";
import { once } from "node:events";
import { join, relative } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { formatAddress, type Address } from "../base/address.ts";
import { formatEdge } from "../base/edge.ts";
import { waitFor } from "../base/wait.ts";
import { startProxyServer, type ProxyServer } from "../proxy/proxy-server.ts";
import type { Fleet, FleetEdge, Runtime } from "../runtimes/runtime.ts";
import { edgesOf } from "../target/target.ts";
import { fakeHost, noRuntime } from "./fake-host.ts";
import { main } from "./main.ts";

// The commands against a real proxy, on a fleet of which only the proxied edges are there.
const kiosk = relative(".", join(import.meta.dirname, "../../test/corpus/target.yaml"));
const callee = createServer((socket) => socket.end("hello"));
let proxyServer: ProxyServer;
let runtime: Runtime;
let edges: FleetEdge[];

beforeAll(async () => {
  callee.listen(0, "127.0.0.1");
  await once(callee, "listening");
  const upstream = { host: "127.0.0.1", port: (callee.address() as { port: number }).port };
  proxyServer = await startProxyServer();
  const proxyApi = proxyServer.url;
  runtime = {
    ...noRuntime,
    async attach(target) {
      edges = await Promise.all(
        edgesOf(target).map(async (edge) => {
          const proxy = `${edge.caller}->${edge.callee}`;
          return { ...edge, proxy, upstream, listen: await listenOf(proxyApi, proxy, upstream) };
        }),
      );
      const fleet: Partial<Fleet> = { target, proxyApi, edges };
      return fleet as Fleet;
    },
  };
});
afterAll(async () => {
  await proxyServer.close();
  callee.close();
});

beforeEach(async () => {
  await squall("remove", "--all");
});

/** Makes the proxy, or finds the one that is there. */
async function listenOf(api: string, name: string, upstream: Address): Promise<Address> {
  const body = { name, listen: "127.0.0.1:0", upstream: formatAddress(upstream) };
  const headers = { "content-type": "application/json" };
  const made = await fetch(`${api}/proxies`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = made.status === 409 ? await fetch(`${api}/proxies/${encodeURIComponent(name)}`) : made;
  const { listen } = (await answer.json()) as { listen: string };
  return { host: "127.0.0.1", port: Number(listen.split(":")[1]) };
}

async function squall(...args: readonly string[]) {
  const host = fakeHost(["fault", ...args, "--target", kiosk], { runtime });
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err() };
}

/** What a client gets over an edge, and after how long; `undefined` when it is refused or cut. */
async function call(name: string): Promise<{ text: string; tookMs: number } | undefined> {
  const edge = edges.find((edge) => formatEdge(edge) === name);
  const startedMs = performance.now();
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(edge?.listen.port ?? 0, "127.0.0.1")
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
