import { expect, test } from "vitest";
import { parse } from "yaml";
import type { SquallError } from "../base/errors.ts";
import { edgeFaultKinds, faultSchema, isEdgeFault, type EdgeFault } from "../experiment/fault.ts";
import { proxyApi } from "./proxy-api.ts";
import { requireInjectable } from "./require-injectable.ts";
import { toxiproxyApi } from "./toxiproxy-api.ts";

const toxiproxy = toxiproxyApi("http://127.0.0.1:1", "2.12.0");
const edge = "edge: order -> payment";

/** One of each kind, as an experiment writes it. */
const kinds = {
  latency: `{ ${edge}, delay: 3s, jitter: 500ms }`,
  bandwidth: `{ ${edge}, rate: 10KB/s, toxicity: 10% }`,
  timeout: `{ ${edge} }`,
  "reset-peer": `{ ${edge} }`,
  slicer: `{ ${edge}, average-size: 100B }`,
  "limit-data": `{ ${edge}, size: 1KB }`,
  "slow-close": `{ ${edge}, delay: 1s }`,
  down: `{ ${edge} }`,
  "http-status": `{ ${edge}, status: 503 }`,
  "http-delay": `{ ${edge}, delay: 1s }`,
  "http-abort": `{ ${edge} }`,
  "http-lost-response": `{ ${edge} }`,
  "http-duplicate": `{ ${edge} }`,
  "http-truncate": `{ ${edge} }`,
  "http-corrupt": `{ ${edge} }`,
  "http-header": `{ ${edge}, set: { x-a: b } }`,
  "http-rate-limit": `{ ${edge}, rate: 1/s }`,
  "pg-delay": `{ ${edge}, delay: 1s }`,
  "pg-error": `{ ${edge}, code: "40001" }`,
} satisfies Record<EdgeFault["kind"], string>;

function fault(yaml: string): EdgeFault {
  const given = faultSchema().parse(parse(yaml));
  if (!isEdgeFault(given)) throw new Error("no fault of an edge");
  return given;
}

test("Toxiproxy does every fault of bytes and none of calls; ours does all", () => {
  const can = edgeFaultKinds.filter(
    (kind) => toxiproxy.refusalOf(fault(`{ ${kind}: ${kinds[kind]} }`)) === undefined,
  );
  expect(can).toEqual(edgeFaultKinds.filter((kind) => !/^(http|pg)-/.test(kind)));
  const all = edgeFaultKinds.map((kind) => fault(`{ ${kind}: ${kinds[kind]} }`));
  expect(() => requireInjectable(proxyApi("http://127.0.0.1:1"), all)).not.toThrow();
});

test("what it cannot do is refused all at once, each with its reason and with what it can", () => {
  const refuse = (): void =>
    requireInjectable(toxiproxy, [
      fault(`{ down: { ${edge} } }`),
      fault(`{ http-status: { ${edge}, status: 503 } }`),
      fault(`{ latency: { ${edge}, delay: 40ms, jitter: 10ms, distribution: pareto } }`),
      fault(`{ reset-peer: { ${edge}, toxicity: 10% } }`),
    ]);
  expect(refuse).toThrow(
    [
      "Toxiproxy 2.12.0 cannot do 3 faults",
      "  answer 503 instead of all calls on order -> payment: it breaks connections and their bytes, and knows nothing of calls",
      "  latency of 40 ms and on average 10 ms more (Pareto) on order -> payment: its latency is spread evenly, not pareto",
      "  connection reset in 10 % of connections on order -> payment: it resets every connection, whatever the toxicity",
    ].join("\n"),
  );
  expect(refuse).toThrow(expect.objectContaining({ code: "SQUALL_UNSUPPORTED", exitCode: 3 }) as SquallError);
});
