import { createServer, connect } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { waitFor } from "../base/wait.ts";
import type { Fault } from "../experiment/experiment.ts";
import { proxyApi, type ProxyApi } from "../faults/proxy-api.ts";
import { startProxyServer, type ProxyServer } from "../proxy/proxy-server.ts";
import type { JournalEvent } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Nothing, ProcessChange } from "../runtimes/process-change.ts";
import { loadTarget } from "../target/load-target.ts";
import { openFaultSession } from "./fault-session.ts";
import { toyRuntime } from "./toy-runtime.fixture.ts";
import { startHeartbeat } from "./heartbeat.ts";

const target = loadTarget(join(import.meta.dirname, "../../test/corpus/target.yaml"));
const echo = createServer((socket) => socket.pipe(socket));
let server: ProxyServer;
let proxy: ProxyApi;
let listenPort = 0;

beforeAll(async () => {
  server = await startProxyServer({ listen: "127.0.0.1:0" });
  proxy = proxyApi(server.url);
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const upstream = echo.address();
  const response = await fetch(`${server.url}/proxies`, {
    method: "POST",
    body: JSON.stringify({
      name: "order->payment",
      listen: "127.0.0.1:0",
      upstream: `127.0.0.1:${typeof upstream === "object" ? upstream?.port : 0}`,
    }),
  });
  listenPort = Number(((await response.json()) as { readonly listen: string }).listen.split(":")[1]);
});
afterAll(async () => {
  echo.close();
  await server[Symbol.asyncDispose]();
});

const never = new AbortController().signal;
const edge = { caller: "order", callee: "payment" };
const slow: Fault = {
  kind: "latency",
  edge,
  stream: "downstream",
  toxicityRatio: 1,
  distribution: "uniform",
  delayMs: 50,
  jitterMs: 0,
};

async function ask(): Promise<void> {
  const socket = connect(listenPort, "127.0.0.1");
  socket.end("hello");
  socket.resume();
  await once(socket, "close");
}

async function inPlace(): Promise<string[]> {
  return (await proxy.evidence()).faults.flatMap(({ type, ended_at_ms }) =>
    ended_at_ms === null ? [type] : [],
  );
}

test("each undo is in the journal before its fault is on the wire, and undoing twice undoes once", async () => {
  const journal: JournalEvent[] = [];
  await using heartbeat = startHeartbeat(proxy);
  const faults = openFaultSession({
    folder: runFolder("runs/first"),
    faults: [slow],
    proxy,
    heartbeat,
    write: (event) => journal.push(event),
  });
  await faults.play(0, never);
  expect(journal.map(({ event }) => event)).toEqual(["undo-planned", "fault-injected"]);
  expect(journal[0]).toMatchObject({ undo: { kind: "end-lease", lease: "first-f1" } });
  expect(faults.active).toEqual(["latency of 50 ms on order -> payment"]);
  expect(await inPlace()).toEqual(["latency"]);
  await ask();

  expect(await faults.undoAll("plan")).toEqual([]);
  expect(await faults.undoAll("interrupt")).toEqual([]);
  expect(await inPlace()).toEqual([]);
  expect(faults.active).toEqual([]);
  expect(journal.slice(2)).toEqual([
    expect.objectContaining({
      event: "fault-undone",
      by: "plan",
      matched: { requests: 0, connections: 1 },
      drawn: { requests: 0, connections: 1 },
      affected: { requests: 0, connections: 1, bytes: 5 },
      unreadableConnections: 0,
    }),
  ]);
});

test("a refused fault leaves the one before it to be undone", async () => {
  const journal: JournalEvent[] = [];
  await using heartbeat = startHeartbeat(proxy);
  const elsewhere: Fault = { kind: "down", edge: { caller: "order", callee: "nowhere" } };
  const faults = openFaultSession({
    folder: runFolder("runs/second"),
    faults: [slow, elsewhere],
    proxy,
    heartbeat,
    write: (event) => journal.push(event),
  });
  await expect(faults.play(0, never)).rejects.toThrow(/proxy not found/);
  expect(await faults.undoAll("error")).toEqual([]);
  expect(await inPlace()).toEqual([]);
});

test("a fault whose lease nobody renewed is said to have ended by its lease", async () => {
  const journal: JournalEvent[] = [];
  const heartbeat = startHeartbeat(proxy);
  const faults = openFaultSession({
    folder: runFolder("runs/third"),
    faults: [slow],
    proxy,
    heartbeat,
    write: (event) => journal.push(event),
  });
  await faults.play(0, never);
  await heartbeat[Symbol.asyncDispose]();
  await waitFor(
    { what: "the lease to expire", withinMs: 10_000 },
    async () => (await inPlace()).length === 0,
  );
  await faults.undoAll("plan");
  expect(journal.at(-1)).toMatchObject({ event: "fault-undone", by: "lease" });
});

test("a fault that waits for another comes after it, and knows it by its place on the proxy", async () => {
  const asked: { readonly name: string; readonly attributes: { readonly after?: string } }[] = [];
  const silent: ProxyApi = {
    ...proxy,
    addToxic: (_proxy, toxic) => {
      asked.push(toxic);
      return Promise.resolve();
    },
  };
  await using heartbeat = startHeartbeat(proxy);
  const waiting = (name: string, after: string | undefined): Fault => ({
    kind: "http-abort",
    edge,
    name,
    calls: { after, probabilityRatio: 1 },
    when: "before-call",
  });
  const faults = openFaultSession({
    folder: runFolder("runs/fourth"),
    faults: [waiting("third", "second"), waiting("second", "first"), { ...slow, name: "first" }],
    proxy: silent,
    heartbeat,
    write: () => undefined,
  });
  await faults.play(0, never);
  expect(asked.map(({ name, attributes }) => [name, attributes.after])).toEqual([
    ["f3", undefined],
    ["f2", "order->payment/f3"],
    ["f1", "order->payment/f2"],
  ]);
  expect(faults.injected).toEqual(["f3", "f2", "f1"]);
  await faults.undoAll("plan");
});

test("a fault with a time of its own comes and goes at that, and the phase's end finds nothing left of it", async () => {
  const journal: (JournalEvent & { readonly atMs: number })[] = [];
  await using heartbeat = startHeartbeat(proxy);
  const faults = openFaultSession({
    folder: runFolder("runs/fifth"),
    faults: [
      { ...slow, atMs: 300, forMs: 200 },
      { kind: "down", edge, atMs: 0, forMs: 100 },
      { kind: "down", edge, atMs: 600 },
    ],
    proxy,
    heartbeat,
    write: (event) => journal.push({ ...event, atMs: systemClock.nowMs() }),
  });
  const startMs = systemClock.nowMs();
  await faults.play(startMs, never);
  expect(await inPlace()).toEqual(["down"]);
  expect(faults.active).toEqual(["down (connections refused) on order -> payment, from 600 ms on"]);
  expect(await faults.undoAll("plan")).toEqual([]);
  const told = journal.filter(({ event }) => event !== "undo-planned");
  // Each by itself: on a busy machine one fault's end may come after another's beginning.
  const earliestMs = { f1: [300, 500], f2: [0, 100], f3: [600, 600] };
  for (const [id, [beginMs = 0, endMs = 0]] of Object.entries(earliestMs)) {
    const own = told.filter((line) => "fault" in line && line.fault === id);
    expect(own.map(({ event }) => event)).toEqual(["fault-injected", "fault-undone"]);
    expect((own[0]?.atMs ?? 0) - startMs).toBeGreaterThanOrEqual(beginMs - 1);
    expect((own[1]?.atMs ?? 0) - startMs).toBeGreaterThanOrEqual(endMs - 1);
  }
});

test("when a run is halted, what was to come never comes, and what is there is undone once", async () => {
  const journal: JournalEvent[] = [];
  await using heartbeat = startHeartbeat(proxy);
  const halt = new AbortController();
  const faults = openFaultSession({
    folder: runFolder("runs/sixth"),
    faults: [slow, { kind: "down", edge, atMs: 60_000 }],
    proxy,
    heartbeat,
    write: (event) => {
      journal.push(event);
      if (event.event === "fault-injected") halt.abort(new Error("enough"));
    },
  });
  await expect(faults.play(systemClock.nowMs(), halt.signal)).rejects.toThrow("enough");
  expect(await faults.undoAll("guard")).toEqual([]);
  expect(journal.map(({ event }) => event)).toEqual(["undo-planned", "fault-injected", "fault-undone"]);
  expect(await inPlace()).toEqual([]);
});

test("a kill's undo is in the journal before the process dies; whoever undoes it twice starts it once", async () => {
  const journal: JournalEvent[] = [];
  const deeds: string[] = [];
  const starting = Promise.withResolvers<void>();
  const before = { process: "order-2" };
  const kill: ProcessChange<Nothing> = {
    how: "a toy's death",
    before: () => Promise.resolve(before),
    make: async (_target, process) => void deeds.push(`killed ${process} after ${journal.at(-1)?.event}`),
    async takeBack(_target, process, known) {
      deeds.push(`started ${process}, which was ${JSON.stringify(known)}`);
      await starting.promise;
    },
  };
  await using heartbeat = startHeartbeat(proxy);
  const faults = openFaultSession({
    folder: runFolder("runs/seventh"),
    faults: [{ kind: "kill", process: "order", isRestarted: false }],
    proxy,
    heartbeat,
    processes: { runtime: toyRuntime({ kill }), target },
    write: (event) => journal.push(event),
  });
  await faults.play(0, never);
  const undone = Promise.all([faults.undoAll("plan"), faults.undoAll("interrupt")]);
  starting.resolve();
  expect(await undone).toEqual([[], []]);
  expect(deeds).toEqual([
    "killed order after undo-planned",
    'started order, which was {"process":"order-2"}',
  ]);
  expect(journal).toEqual([
    {
      event: "undo-planned",
      fault: "f1",
      undo: { kind: "process-change", change: "kill", process: "order", before },
    },
    {
      event: "fault-injected",
      fault: "f1",
      faultKind: "kill",
      process: "order",
      detail: "kill of order (a toy's death)",
    },
    expect.objectContaining({
      event: "fault-undone",
      fault: "f1",
      evidence: { bit: true, detail: "order was killed" },
    }),
  ]);
});

test("a change that hangs while it is made does not hold up the abort; what was planned is taken back", async () => {
  const journal: JournalEvent[] = [];
  const deeds: string[] = [];
  const hang = (): Promise<never> => new Promise(() => undefined);
  const kill: ProcessChange<Nothing> = {
    how: "a toy's death",
    before: () => Promise.resolve({}),
    make: hang,
    takeBack: async () => void deeds.push("taken back"),
  };
  await using heartbeat = startHeartbeat(proxy);
  const halt = new AbortController();
  const faults = openFaultSession({
    folder: runFolder("runs/eighth"),
    faults: [{ kind: "kill", process: "order", isRestarted: false }],
    proxy,
    heartbeat,
    processes: { runtime: toyRuntime({ kill }), target },
    watchdog: { idle: async () => void deeds.push("the watchdog is idle") },
    write: (event) => {
      journal.push(event);
      if (event.event === "undo-planned") halt.abort(new Error("enough"));
    },
  });
  await expect(faults.play(0, halt.signal)).rejects.toThrow("enough");
  expect(await faults.undoAll("interrupt")).toEqual([]);
  expect(deeds).toEqual(["the watchdog is idle", "the watchdog is idle", "taken back"]);
  expect(journal.map(({ event }) => event)).toEqual(["undo-planned", "fault-undone"]);
});
