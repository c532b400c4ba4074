import { createServer } from "node:http";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { checkDocument, plainDocument } from "../base/yaml-document.ts";
import { edgeFaultKinds, faultSchema, isEdgeFault } from "../experiment/fault.ts";
import { faultCases } from "./fault-cases.fixture.ts";
import { describeFault, injectFault } from "./fault.ts";
import { proxyApi } from "./proxy-api.ts";

// What each kind is in words, and what the proxy is asked for: read by a server that answers as the proxy would.
const asked: { path: string; body: unknown }[] = [];
const server = createServer((request, response) => {
  void text(request).then((body) => {
    asked.push({ path: `${request.method} ${request.url}`, body: JSON.parse(body) });
    response.end("{}");
  });
});
let url = "";

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(() => server.close());

function fault(yaml: string) {
  return checkDocument(plainDocument(parse(yaml), "x.yaml", "fault"), faultSchema());
}

async function wireOf(yaml: string) {
  asked.length = 0;
  const given = fault(yaml);
  if (!isEdgeFault(given)) throw new Error("no proxy is asked for a kill");
  await injectFault(given, {
    api: proxyApi(url),
    proxy: "order->payment",
    toxic: "f1",
    lease: "run-f1",
    placeOf: (name) => `elsewhere/${name}`,
  });
  return asked[0];
}

/** Types whose stream can be chosen. */
const streamed = /^(latency|http_corrupt|http_truncate|http_header)$/;

test.each(faultCases)("%s", async (yaml, words, type, attributes) => {
  expect(describeFault(fault(yaml))).toBe(words);
  expect(await wireOf(yaml)).toEqual({
    path: "POST /proxies/order-%3Epayment/toxics",
    body: {
      name: "f1",
      type,
      ...(streamed.test(type)
        ? { stream: yaml.includes("stream: upstream") ? "upstream" : "downstream" }
        : {}),
      toxicity: 1,
      attributes,
      lease: "run-f1",
    },
  });
});

test("a kill names its process, and a fault with a time of its own says when", () => {
  expect(describeFault(fault("kill: { process: order-db }"))).toBe("kill of order-db");
  expect(describeFault(fault("kill: { process: order, at: 4s, for: 500ms }"))).toBe(
    "kill of order, from 4 s on for 500 ms",
  );
  expect(describeFault(fault("down: { edge: order -> payment, for: 2s }"))).toBe(
    "down (connections refused) on order -> payment, for 2 s",
  );
});

test("every kind of fault of calls is among these", () => {
  const shown = faultCases.map(([yaml]) => yaml.split(":")[0]);
  const ofCalls = edgeFaultKinds.filter((kind) => /^(http|pg)-/.test(kind));
  expect(ofCalls.filter((kind) => !shown.includes(kind))).toEqual([]);
});
