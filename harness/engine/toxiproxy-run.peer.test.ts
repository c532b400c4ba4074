import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseAddress, type Address } from "../base/address.ts";
import { waitFor } from "../base/wait.ts";
import { loadExperiment } from "../experiment/load-experiment.ts";
import { listening, portOf, startRealToxiproxy, type RealToxiproxy } from "../faults/toxiproxy.fixture.ts";
import { startReceiver, type Receiver } from "../observe/receiver.ts";
import { readJournal } from "../record/journal.ts";
import { runFolder } from "../record/run-folder.ts";
import type { Fleet, Runtime } from "../runtimes/runtime.ts";
import { loadTarget } from "../target/load-target.ts";
import { toyFiles } from "./fixtures/toy-files.ts";
import { recoverFleet } from "./recover.ts";
import { runExperiment, type RunOutcome } from "./run.ts";

let folder: string;
const opened = new Set<AsyncDisposable>();

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "squall-toxiproxy-")));
});
afterEach(async () => {
  for (const one of opened) await one[Symbol.asyncDispose]();
  opened.clear();
  rmSync(folder, { recursive: true, force: true });
});

function open<T extends AsyncDisposable>(one: T): T {
  opened.add(one);
  return one;
}

test("an experiment through Toxiproxy comes to its verdict by traces, leaves nothing there, and says so", async () => {
  const { outcome, toxiproxy } = await runPair("latency: { edge: front -> back, delay: 400ms }");
  const { summary } = outcome;
  expect(summary.verdict).toMatchObject({ outcome: "held" });
  expect(summary.run.proxy).toBe("Toxiproxy git");
  expect(summary.faults).toMatchObject([{ bit: true, undoneBy: "plan" }]);
  expect(summary.faults[0]?.shownBy).toMatch(
    /^Toxiproxy git does not count what a fault touches; \d+ of \d+ calls over the edge failed or lasted 400 ms or more, \d+ of \d+ in/,
  );
  const lines = readJournal(runFolder(outcome.folder).journal).lines;
  expect(lines.find(({ event }) => event === "undo-planned")).toMatchObject({
    undo: { kind: "remove-toxic", proxyApi: toxiproxy.url, proxy: "front->back" },
  });
  expect(lines.map(({ event }) => event)).toContain("watchdog-started");
  expect(lines.find(({ event }) => event === "collected")).toMatchObject({
    detail: expect.stringContaining("Toxiproxy git does not tell of single calls") as string,
  });
  expect(await brokenOn(toxiproxy)).toEqual([]);
});

test("what Toxiproxy cannot do is refused before anything is injected", async () => {
  await expect(runPair("http-status: { edge: front -> back, status: 503 }")).rejects.toMatchObject({
    code: "SQUALL_UNSUPPORTED",
    exitCode: 3,
  });
});

test.each([[["watched"]], [[]]])(
  "an engine that is killed while its faults stand (%s) leaves none: a watchdog takes them back, or else recover does",
  async (watched) => {
    const upstream = await listening();
    const toxiproxy = open(await startRealToxiproxy({ "front->stock": upstream, "stock->smtp": upstream }));
    const file = join(import.meta.dirname, "fixtures/toxic-engine.ts");
    const engine = spawn(process.execPath, [file, toxiproxy.url, folder, ...watched], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(engine.stdout, "data");
    expect(await brokenOn(toxiproxy)).toEqual(["latency on front->stock", "stock->smtp is down"]);
    engine.kill("SIGKILL");
    await once(engine, "exit");

    const target = loadTarget(join(import.meta.dirname, "../../test/corpus/target.yaml"));
    if (watched.length > 0)
      await waitFor({ what: "the watchdog to take the faults back", withinMs: 10_000 }, async () => {
        return (await brokenOn(toxiproxy)).length === 0;
      });
    else
      expect(await recoverFleet(target, toyFiles(), folder)).toEqual({
        lines: [
          "f1: toxic killed-f1 removed from front->stock",
          "f2: stock->smtp enabled",
          "killed: recovered",
        ],
        failures: [],
      });
    expect(await brokenOn(toxiproxy)).toEqual([]);
    upstream.close();
  },
);

/** What stands on a Toxiproxy, by its own word. */
async function brokenOn({ url }: RealToxiproxy): Promise<readonly string[]> {
  const proxies = (await (await fetch(`${url}/proxies`)).json()) as Record<
    string,
    { readonly enabled: boolean; readonly toxics: readonly { readonly type: string }[] }
  >;
  return Object.entries(proxies)
    .flatMap(([name, { enabled, toxics }]) => [
      ...toxics.map(({ type }) => `${type} on ${name}`),
      ...(enabled ? [] : [`${name} is down`]),
    ])
    .sort();
}

/** Runs an experiment on a front that calls a back, both here and with a Toxiproxy on each edge. */
async function runPair(fault: string): Promise<{ outcome: RunOutcome; toxiproxy: RealToxiproxy }> {
  const files = {
    "service.mjs": "",
    "journeys.mjs": 'export const journeys = { look: ({ http }) => http.get("look", "/") };',
    "target.yaml": `
name: pair
entry: front
services:
  front:
    command: [node, service.mjs]
    ports: { http: PORT }
    ready: /ready
    calls: { back: { env: BACK_URL, value: "http://{address}" } }
  back: { command: [node, service.mjs], ports: { http: PORT }, ready: /ready }
journeys: { module: journeys.mjs, names: [look] }`,
    "experiment.yaml": `
title: The front lives with a slow back
target: target.yaml
load: { journey: look, rate: 10/s }
phases: { warmup: 0s, baseline: 2s, fault: 2s, recovery: 1s }
faults: [{ ${fault} }]
hypothesis: [{ success: { journey: look, at-least: 50% } }]`,
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  const { experiment, target } = loadExperiment(join(folder, "experiment.yaml"));
  const receiver = open(await startReceiver());
  const back = await listening(createServer((_request, response) => response.end("back")));
  let backUrl = "";
  const front = await listening(tracedFront(receiver, () => backUrl));
  const toxiproxy = open(await startRealToxiproxy({ "client->front": front, "front->back": back }));
  backUrl = toxiproxy.urlOf("front->back");
  const edgeOf = (caller: string, callee: string, upstream: Server) => {
    const proxy = `${caller}->${callee}`;
    const [listen, leads] = [new URL(toxiproxy.urlOf(proxy)).host, `127.0.0.1:${portOf(upstream)}`];
    return { caller, callee, proxy, listen: addressOf(listen), upstream: addressOf(leads) };
  };
  const fleet: Fleet = {
    target,
    settings: {},
    proxyApi: toxiproxy.url,
    entry: toxiproxy.urlOf("client->front"),
    receiver: receiver.url,
    spanDelivery: "file",
    edges: [edgeOf("client", "front", front), edgeOf("front", "back", back)],
    replicas: new Map(),
    addresses: new Map(),
    stores: new Map(),
    keepLogs: () =>
      Promise.resolve({ settle: () => Promise.resolve([]), [Symbol.asyncDispose]: () => Promise.resolve() }),
    processes: [],
    stop: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const runtime: Runtime = { ...toyFiles(), attach: () => Promise.resolve(fleet) };
  try {
    const outcome = await runExperiment({
      experiment,
      target,
      runtime,
      watchdog: new URL("fixtures/toy-watchdog.ts", import.meta.url),
      file: "experiment.yaml",
      runsFolder: join(folder, "runs"),
      seed: "7",
      settings: {},
      replicas: {},
      command: "",
      version: "0",
      interrupt: new AbortController().signal,
      observer: { onJournal: () => undefined, onLive: () => undefined },
    });
    return { outcome, toxiproxy };
  } finally {
    for (const server of [front, back]) server.close();
  }
}

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`no address: ${text}`);
  return address;
}

/** Asks the back for every call, and sends the spans of both. */
function tracedFront({ url }: Receiver, backUrl: () => string) {
  return createServer((request, response) => {
    void (async () => {
      const [, traceId = "", parentSpanId = ""] = String(request.headers["traceparent"]).split("-");
      const startMs = Date.now();
      const answer = await fetch(backUrl());
      await answer.text();
      const endMs = Date.now();
      const [serverId, clientId] = [randomBytes(8).toString("hex"), randomBytes(8).toString("hex")];
      const times = { startTimeUnixNano: `${startMs}000000`, endTimeUnixNano: `${endMs}000000` };
      const port = { key: "server.port", value: { intValue: Number(new URL(backUrl()).port) } };
      const spans = [
        { traceId, spanId: serverId, parentSpanId, name: "GET /", kind: 2, ...times },
        {
          ...{ traceId, spanId: clientId, parentSpanId: serverId, name: "GET", kind: 3, ...times },
          attributes: [port],
        },
      ];
      const resource = { attributes: [{ key: "service.name", value: { stringValue: "front" } }] };
      await fetch(`${url}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
      });
      response.end("front");
    })().catch(() => response.destroy());
  });
}
