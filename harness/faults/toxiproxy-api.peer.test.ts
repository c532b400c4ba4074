import { Agent, request } from "node:http";
import { connect, createServer, type Server } from "node:net";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import { waitFor } from "../base/wait.ts";
import { faultSchema, isEdgeFault } from "../experiment/fault.ts";
import { injectFault } from "./fault.ts";
import { openProxy } from "./open-proxy.ts";
import { isCounted, type ProxyApi, type UncountedFault } from "./proxy-api.ts";
import { takeBackOnProxy } from "./proxy-undo.ts";
import { listening, startRealToxiproxy, type RealToxiproxy } from "./toxiproxy.fixture.ts";

const proxy = "order->payment";
let upstream: Server;
let toxiproxy: RealToxiproxy;
let api: ProxyApi;
let fresh: Agent;

beforeAll(async () => {
  upstream = await listening();
  toxiproxy = await startRealToxiproxy({ [proxy]: upstream });
  fresh = new Agent();
});
beforeEach(async () => {
  api = await openProxy(toxiproxy.url);
  expect((await api.evidence()).faults).toEqual([]);
});
afterEach(() => api.endLease("run-f1"));
afterAll(async () => {
  await toxiproxy[Symbol.asyncDispose]();
  upstream.close();
});

async function inject(yaml: string): Promise<void> {
  const fault = faultSchema().parse(parse(yaml));
  if (!isEdgeFault(fault)) throw new Error("no fault of an edge");
  await injectFault(fault, { api, proxy, toxic: "f1", lease: "run-f1", placeOf: (name) => name });
}

/** One call on a connection of its own. @returns how long it took; rejects when it fails */
function call(): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    let answeredMs = 0;
    const outgoing = request(
      toxiproxy.urlOf(proxy),
      { agent: fresh, signal: AbortSignal.timeout(2_000) },
      (response) => {
        response.resume();
        response.on("error", reject);
        response.on("end", () => (answeredMs = performance.now() - startedMs));
      },
    );
    outgoing.on("error", reject);
    outgoing.on("close", () => (answeredMs > 0 ? resolve(answeredMs) : reject(new Error("cut off"))));
    outgoing.end();
  });
}

async function told(): Promise<UncountedFault | undefined> {
  return (await api.evidence()).faults.filter((fault) => !isCounted(fault))[0];
}

test("it is known for what it is", () => {
  expect(api).toMatchObject({ name: "Toxiproxy git", counts: false, endsByLease: false });
});

/** An upstream that sends for as long as anybody takes it. */
async function flooding() {
  const chunk = Buffer.alloc(65_536);
  let sent = 0;
  let sentBefore = 0;
  const server = createServer((socket) => {
    const flood = (): void => {
      do sent += chunk.length;
      while (socket.write(chunk));
    };
    socket.on("drain", flood).on("error", () => undefined);
    flood();
  });
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  return {
    server,
    /** Whether it sent something, and nothing since it was last asked. */
    hasStalled: (): boolean => {
      const stalled = sent > 0 && sent === sentBefore;
      sentBefore = sent;
      return stalled;
    },
  };
}

const slow = 150;
test.each([
  ["latency: { edge: order -> payment, delay: 150ms }", "latency"],
  ["bandwidth: { edge: order -> payment, rate: 10KB/s }", "bandwidth"],
  ["slicer: { edge: order -> payment, average-size: 200B, delay: 30ms }", "slicer"],
])("%s holds calls up, and is gone when it is taken back", async (yaml, type) => {
  await inject(yaml);
  expect(await told()).toMatchObject({ proxy, type, ended_at_ms: null, name: "run-f1" });
  expect(await call()).toBeGreaterThanOrEqual(slow - 1);
  await api.endLease("run-f1");
  await expect(call()).resolves.toBeDefined();
  expect(await told()).toMatchObject({ ended_by: "removed", lease: "run-f1" });
});

test.each([
  ["timeout: { edge: order -> payment, after: 50ms }", true],
  ["timeout: { edge: order -> payment }", true],
  ["reset-peer: { edge: order -> payment }", true],
  ["limit-data: { edge: order -> payment, size: 500B }", true],
  ["down: { edge: order -> payment }", false],
])("%s fails calls, and is gone when it is taken back", async (yaml, keepsBytes) => {
  await inject(yaml);
  await expect(call()).rejects.toThrow();
  await api.endLease("run-f1");
  const fault = await told();
  await expect(call()).resolves.toBeDefined();
  expect(fault).toMatchObject({ ended_by: "removed" });
  if (keepsBytes) expect(fault?.lost_bytes).toBeGreaterThan(0);
  else expect(fault).not.toHaveProperty("lost_bytes");
});

test("slow-close holds the end of a connection up, and what ended meanwhile is counted", async () => {
  await inject("slow-close: { edge: order -> payment, delay: 150ms }");
  const { hostname, port } = new URL(toxiproxy.urlOf(proxy));
  const socket = connect(Number(port), hostname);
  const closed = once(socket, "end");
  socket.write("GET / HTTP/1.0\r\n\r\n");
  await once(socket, "data");
  const answeredMs = performance.now();
  await closed;
  expect(performance.now() - answeredMs).toBeGreaterThanOrEqual(100);
  await api.endLease("run-f1");
  expect((await told())?.ended_bytes).toBeGreaterThan(2_000);
});

test("what somebody else put there is told, and left alone", async () => {
  const path = `${toxiproxy.url}/proxies/${encodeURIComponent(proxy)}/toxics`;
  await fetch(path, { method: "POST", body: JSON.stringify({ type: "latency", name: "f1" }) });
  await inject("latency: { edge: order -> payment, delay: 10ms }");
  await api.endLease("run-f1");
  expect((await api.evidence()).faults.filter(({ ended_at_ms }) => ended_at_ms === null)).toMatchObject([
    { name: "f1", lease: null, started_at_ms: null },
  ]);
  await fetch(`${path}/f1`, { method: "DELETE" });
});

test("an edge that is down already is refused, and stays as it was", async () => {
  const other = await openProxy(toxiproxy.url);
  await other.disable(proxy, "other");
  await expect(inject("down: { edge: order -> payment }")).rejects.toThrow(/is down already/);
  await api.endLease("run-f1");
  await expect(call()).rejects.toThrow();
  await other.endLease("other");
});

test("whoever has only the undo takes a fault back, and again without an error", async () => {
  for (const [yaml, kind] of [
    ["latency: { edge: order -> payment, delay: 10s }", "latency"],
    ["down: { edge: order -> payment }", "down"],
  ] as const) {
    await inject(yaml);
    const undo = api.undoOf({ kind, proxy, lease: "run-f1" });
    await takeBackOnProxy(undo);
    expect(await call()).toBeLessThan(5_000);
    await takeBackOnProxy(undo);
    await api.endLease("run-f1");
  }
  const gone = { kind: "remove-toxic", proxyApi: toxiproxy.url, proxy: "none", toxic: "x" } as const;
  expect(await takeBackOnProxy(gone)).toBe("toxic x is not on none");
});

test("where it hangs, an undo fails in time and says that only a restart helps", async () => {
  const flood = await flooding();
  await using large = await startRealToxiproxy({ [proxy]: flood.server });
  const stuck = await openProxy(large.url);
  await stuck.addToxic(proxy, {
    ...{ name: "f1", type: "latency", toxicity: 1, lease: "run-f1" },
    attributes: { latency: 10 },
  });
  const { hostname, port } = new URL(large.urlOf(proxy));
  const reader = connect(Number(port), hostname);
  reader.pause();
  await waitFor({ what: "nothing to go on", withinMs: 10_000, everyMs: 300 }, flood.hasStalled);
  await expect(stuck.endLease("run-f1")).rejects.toThrow(/only its restart ends a fault/);
  reader.destroy();
});
