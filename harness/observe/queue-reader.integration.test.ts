import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { waitFor } from "../base/wait.ts";
import { readSpans } from "../record/otlp.ts";
import { readQueue } from "./queue-reader.ts";
import { openQueue, receiverStats } from "./receiver-client.ts";
import { startReceiver } from "./receiver.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "squall-queue-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function send(url: string, ...names: readonly string[]): Promise<Response> {
  const spans = names.map((name, index) => ({
    traceId: "a".repeat(32),
    spanId: `${index + 1}`.padStart(16, "0"),
    name,
    startTimeUnixNano: "1700000000000000000",
  }));
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "order" } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
  return fetch(`${url}/v1/traces`, { method: "POST", headers: { "content-type": "application/json" }, body });
}

test("all that a receiver takes comes into the file once, in its order, and nothing is told", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "whole.jsonl");
  await using reader = await readQueue({ receiver: receiver.url, name: "run", file });
  const names = Array.from({ length: 60 }, (_, index) => `span-${index}`);
  for (const name of names) await send(receiver.url, name);
  expect(await reader.settle()).toEqual([]);
  expect(readSpans(file).map(({ name }) => name)).toEqual(names);
  expect(receiver.stats).toMatchObject({ spans: 60, dropped: 0 });
});

test("spans come while the run goes on, not in the end alone", async () => {
  await using receiver = await startReceiver();
  const file = join(folder, "during.jsonl");
  await using reader = await readQueue({ receiver: receiver.url, name: "run", file });
  await send(receiver.url, "one");
  await waitFor({ what: "the span in the file", withinMs: 5_000 }, () =>
    readFileSync(file, "utf8").includes('"one"'),
  );
  expect(await reader.settle()).toEqual([]);
});

test("a receiver that was away and is started anew is read again, and what went with it is told", async () => {
  const first = await startReceiver();
  const file = join(folder, "anew.jsonl");
  await using reader = await readQueue({ receiver: first.url, name: "run", file, pauseMs: 20 });
  await first[Symbol.asyncDispose]();
  await using second = await startReceiver({ listen: first.address });
  await waitFor({ what: "the queue to be opened anew", withinMs: 5_000 }, async () => {
    await send(second.url, `span ${performance.now()}`);
    return readSpans(file).length > 0;
  });
  expect(await reader.settle()).toEqual([
    "the span receiver was started anew: spans that it had not handed over are lost",
  ]);
});

test("a receiver that stays away is told of in the end, with why", async () => {
  const receiver = await startReceiver();
  const file = join(folder, "away.jsonl");
  await using reader = await readQueue({ receiver: receiver.url, name: "run", file, settleWithinMs: 50 });
  await receiver[Symbol.asyncDispose]();
  const [told, ...others] = await reader.settle();
  expect(told).toContain("spans that the receiver has were not fetched: the span receiver at");
  expect(others).toEqual([]);
});

test("spans that nobody fetches are refused when the queue is full, counted, and the sender is told", async () => {
  await using receiver = await startReceiver({ queueLimitBytes: 300 });
  await openQueue(receiver.url, "run");
  await send(receiver.url, "fits");
  const answer: unknown = await (await send(receiver.url, "one", "two")).json();
  expect(answer).toMatchObject({ partialSuccess: { rejectedSpans: "2" } });
  const { dropped, sinkError } = await receiverStats(receiver.url);
  expect({ dropped, sinkError }).toEqual({
    dropped: 2,
    sinkError: expect.stringContaining("nobody fetches them") as string,
  });
});
