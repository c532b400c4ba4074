import { expect, test } from "vitest";
import { startReceiver } from "../observe/receiver.ts";
import { collectTraces } from "./collect.ts";

async function send(url: string, service: string): Promise<void> {
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  const span = { traceId: "a".repeat(32), spanId: "b".repeat(16), startTimeUnixNano: "1700000000000000000" };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}/v1/traces`, { method: "POST", headers, body });
  await response.body?.cancel();
}

test("the collection waits until nobody has sent for a while", async () => {
  await using receiver = await startReceiver();
  await send(receiver.url, "order");
  const sentMs = performance.now();
  const fleet = { receiver: receiver.url };
  expect(await collectTraces(fleet, { quietMs: 200, longestMs: 20_000 })).toEqual({
    detail: "1 spans received",
    unsent: [],
  });
  expect(performance.now() - sentMs).toBeGreaterThan(150);
});

test("it waits that long even when nobody has sent for long: what just ended is not on its way yet", async () => {
  await using receiver = await startReceiver();
  const startMs = performance.now();
  await collectTraces({ receiver: receiver.url }, { quietMs: 200 });
  expect(performance.now() - startMs).toBeGreaterThan(180);
});

test("who is still sending when the wait is over is named, and whoever had stopped is not", async () => {
  await using receiver = await startReceiver();
  await send(receiver.url, "order");
  let isOver = false;
  const sending = (async () => {
    while (!isOver) await send(receiver.url, `user`);
  })();
  const { unsent } = await collectTraces({ receiver: receiver.url }, { quietMs: 300, longestMs: 900 });
  isOver = true;
  await sending;
  expect(unsent.map(({ service }) => service)).toEqual(["user"]);
  expect(unsent[0]?.sinceMs).toBeLessThan(Date.now());
});
