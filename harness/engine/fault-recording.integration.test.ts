import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { waitFor } from "../base/wait.ts";
import { proxyApi } from "../faults/proxy-api.ts";
import { startProxyServer } from "../proxy/proxy-server.ts";
import { readFaultLog } from "../record/fault-log.ts";
import { recordFaults, type FaultRecording } from "./fault-recording.ts";
import { planFaults } from "./fault-plan.ts";

const edge = { caller: "order", callee: "payment" };
const planned = planFaults("run", [
  { kind: "down", edge },
  { kind: "timeout", edge, stream: "downstream", toxicityRatio: 1, afterMs: 0 },
]);

let folder: string;
let server: Server;
let answer: (response: ServerResponse) => void;
let recording: FaultRecording | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "squall-recording-"));
  server = createServer((_request, response) => answer(response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  recording?.[Symbol.dispose]();
  recording = undefined;
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  rmSync(folder, { recursive: true });
});

const log = (): string => join(folder, "faults.jsonl");
const url = (): string => `http://127.0.0.1:${(server.address() as { port: number }).port}`;
const record = async () => (recording = await recordFaults({ proxy: proxyApi(url()), file: log(), planned }));

function message(id: number, event: string, more: object, atMs = systemClock.nowMs()): string {
  const data = { id, at_ms: atMs, event, proxy: "order->payment", ...more };
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

const f2 = { toxic: "f2", type: "timeout" };
const call = (request: number) => ({
  ...f2,
  request,
  call: "POST /payments",
  trace_id: "0af7651916cd43dd8448eb211c80319c",
  effect: "lost the answer",
});

test("each event is a line, and says which of the run's faults it is about", async () => {
  answer = (response) =>
    response.write(
      message(1, "fault-began", { toxic: "down", type: "down" }) +
        message(2, "fault-began", { toxic: "by-hand", type: "noop" }) +
        message(3, "call-affected", call(4)) +
        message(4, "fault-ended", { ...f2, by: "lease-ended" }),
    );
  const recorded = await record();
  expect(await recorded.settle(["f2"])).toBe("1 affected call on record");
  const subject = { atMs: expect.any(Number) as number, proxy: "order->payment" };
  expect(readFaultLog(log()).lines).toEqual([
    { event: "fault-began", id: 1, ...subject, fault: "f1", toxic: "down", type: "down" },
    { event: "fault-began", id: 2, ...subject, toxic: "by-hand", type: "noop" },
    {
      event: "call-affected",
      id: 3,
      ...subject,
      fault: "f2",
      toxic: "f2",
      type: "timeout",
      request: 4,
      call: "POST /payments",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      effect: "lost the answer",
    },
    { event: "fault-ended", id: 4, ...subject, fault: "f2", toxic: "f2", type: "timeout", by: "lease-ended" },
  ]);
});

test("of two faults that take one place in turn, each line names the one that was there", async () => {
  const twice = planFaults("run", [
    { kind: "down", edge, atMs: 500 },
    { kind: "down", edge, forMs: 100 },
  ]);
  const down = { toxic: "down", type: "down" };
  answer = (response) =>
    response.write(
      message(1, "fault-began", down) +
        message(2, "fault-ended", { ...down, by: "lease-ended" }) +
        message(3, "fault-began", down) +
        message(4, "fault-ended", { ...down, by: "lease-ended" }),
    );
  recording = await recordFaults({ proxy: proxyApi(url()), file: log(), planned: twice });
  expect(await recording.settle(["f2", "f1"])).toBe("0 affected calls on record");
  expect(readFaultLog(log()).lines.map((line) => ("fault" in line ? line.fault : ""))).toEqual([
    "f2",
    "f2",
    "f1",
    "f1",
  ]);
});

test("what was before the run is not in its log", async () => {
  answer = (response) =>
    response.write(
      message(1, "call-affected", call(1), systemClock.nowMs() - 60_000) +
        message(9, "fault-ended", { ...f2, by: "lease-ended" }),
    );
  const recorded = await record();
  expect(await recorded.settle(["f2"])).toBe("0 affected calls on record, not all: 7 events were missed");
  expect(readFaultLog(log()).lines.map(({ event }) => event)).toEqual(["events-missed", "fault-ended"]);
});

test("a line is on disk when its event is there: whoever dies then loses nothing of it", async () => {
  answer = (response) => response.write(message(1, "call-affected", call(1)));
  await record();
  await waitFor({ what: "the line", withinMs: 5_000 }, () => readFaultLog(log()).lines.length === 1);
});

test("a proxy that falls silent holds the end of a run up for a second, not longer", async () => {
  answer = (response) => response.write(message(1, "call-affected", call(1)));
  const recorded = await record();
  const startedMs = performance.now();
  expect(await recorded.settle(["f1", "f2"])).toBe("1 affected call on record, not all: an end is missing");
  expect(performance.now() - startedMs).toBeLessThan(5_000);
});

test("a proxy without events holds nothing up, and the reason is told", async () => {
  answer = (response) => response.writeHead(404).end();
  const recorded = await record();
  expect(await recorded.settle(["f1"])).toMatch(
    /^0 affected calls on record, not all: GET \/events .* answered 404$/,
  );
});

test("the real proxy's faults are in the log from their beginning to their end", async () => {
  await using proxy = await startProxyServer();
  const body = JSON.stringify({ name: "order->payment", upstream: "127.0.0.1:9" });
  await fetch(`${proxy.url}/proxies`, { method: "POST", body });
  const api = proxyApi(proxy.url);
  using log = await recordFaults({ proxy: api, file: join(folder, "real.jsonl"), planned });
  await api.renewLease("run-f2", 5_000);
  await api.addToxic("order->payment", {
    name: "f2",
    type: "noop",
    toxicity: 1,
    attributes: {},
    lease: "run-f2",
  });
  await api.endLease("run-f2");
  expect(await log.settle(["f2"])).toBe("0 affected calls on record");
  expect(readFaultLog(join(folder, "real.jsonl")).lines).toMatchObject([
    { event: "fault-began", fault: "f2", type: "noop" },
    { event: "fault-ended", fault: "f2", by: "lease-ended" },
  ]);
});
