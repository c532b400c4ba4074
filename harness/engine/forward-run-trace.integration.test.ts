import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { deviatedSummary } from "../report/fixtures/shop-summaries.ts";
import { forwardRunTrace } from "./forward-run-trace.ts";
import { runTrace } from "./run-trace.ts";

const request = runTrace(deviatedSummary(), { zeroMs: 1_700_000_000_000, rootSpanIds: new Map() });

test("a run's own trace reaches the endpoint as it stands in the file; one that takes nothing is told of", async () => {
  const received: unknown[] = [];
  let status = 200;
  const server = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      received.push([incoming.method, incoming.url, incoming.headers["content-type"], JSON.parse(body)]);
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const to = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  try {
    const spans = 1 + 4 + deviatedSummary().faults.length;
    expect(await forwardRunTrace(request, to)).toContain(`${spans} spans`);
    expect(received).toEqual([
      ["POST", "/v1/traces", "application/json", JSON.parse(JSON.stringify(request)) as unknown],
    ]);
    status = 400;
    expect(await forwardRunTrace(request, to)).toContain("400");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
