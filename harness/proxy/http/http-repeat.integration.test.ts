import { expect, it } from "vitest";
import { createRandom } from "../../base/random.ts";
import { FaultLedger } from "../fault-ledger.ts";
import { Proxy } from "../proxy.ts";
import { toxicKinds } from "../toxics/registry.ts";
import { callerOf, startCallee } from "./http.fixture.ts";

const faults: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["http_delay", { delay: 1, jitter: 1, distribution: "normal", probability: 0.3 }],
  ["http_status", { status: 503, probability: 0.2, match: "POST /orders/:id" }],
  ["http_corrupt", { bytes: 2, probability: 0.5 }],
  ["http_header", { set: { "x-a": "1" }, every: 3 }],
  ["http_lost_response", { probability: 0.1, after: "http_status" }],
];

/** The events of one run over real sockets, and what the caller saw. */
async function run(seed: string, upstream: { host: string; port: number }) {
  const ledger = new FaultLedger();
  const listen = { host: "127.0.0.1", port: 0 };
  const proxy = new Proxy({
    name: "edge",
    listen,
    upstreams: [upstream],
    ledger,
    random: createRandom(seed),
  });
  await proxy.enable("removed");
  for (const [type, given] of faults) {
    const kind = toxicKinds.get(type);
    if (kind === undefined) throw new Error(`no ${type}`);
    const stream = kind.protocol === undefined ? "downstream" : kind.streams[0];
    const attributes = kind.attributes.parse(given);
    proxy.addToxic({
      name: type,
      type,
      kind,
      stream,
      toxicity: 1,
      attributes,
      lease: undefined,
      ttlMs: undefined,
    });
  }
  using caller = callerOf(proxy.listen);
  const seen: unknown[] = [];
  for (let index = 0; index < 8; index += 1) {
    const options = {
      body: `{"total":${index}}`,
      headers: { traceparent: `00-${String(index).padStart(32, "0")}-1` },
    };
    seen.push(await caller.outcome("POST", `/orders/${index}`, options));
  }
  proxy.remove();
  return JSON.stringify([ledger.events.kept.map(({ id, event }) => ({ id, event })), seen]);
}

it("the same seed and order of requests give the same events, byte for byte, 100 times of 100", async () => {
  await using callee = await startCallee((_, response) => {
    response.sendDate = false;
    response.end('{"total":42}');
  });
  const first = await run("a seed", callee.address);
  expect(first.split("call-affected").length).toBeGreaterThan(5);
  expect(first).toContain('"call":"POST /orders/:id"');
  for (let time = 1; time < 100; time += 1) expect(await run("a seed", callee.address)).toBe(first);
  expect(await run("another", callee.address)).not.toBe(first);
});
