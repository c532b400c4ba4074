import { expect, it } from "vitest";
import { createBulkhead } from "./bulkhead.ts";

const patient = new AbortController().signal;

it("admits so many, queues so many in the order they came, and refuses the rest at once", async () => {
  const bulkhead = createBulkhead({ maxCalls: 2, maxQueued: 2 });
  const [first, second] = [await bulkhead.enter(patient), await bulkhead.enter(patient)];
  const turns: string[] = [];
  const queued = ["third", "fourth"].map(async (name) => {
    const end = await bulkhead.enter(patient);
    turns.push(name);
    return end;
  });
  expect(await bulkhead.enter(patient)).toBeUndefined();
  first?.();
  await queued[0];
  expect(turns).toEqual(["third"]);
  second?.();
  await queued[1];
  expect(turns).toEqual(["third", "fourth"]);
});

it("a turn is not slipped into, and ended twice it is ended once", async () => {
  const bulkhead = createBulkhead({ maxCalls: 1, maxQueued: 1 });
  const first = await bulkhead.enter(patient);
  const waiting = bulkhead.enter(patient);
  first?.();
  first?.();
  expect(bulkhead.hasRoom).toBe(false);
  (await waiting)?.();
  expect(bulkhead.hasRoom).toBe(true);
});

it("whoever is cut while waiting leaves the queue at once, and its place is free", async () => {
  const bulkhead = createBulkhead({ maxCalls: 1, maxQueued: 1 });
  const first = await bulkhead.enter(patient);
  const cut = new AbortController();
  const impatient = bulkhead.enter(cut.signal);
  cut.abort();
  expect(await impatient).toBeUndefined();
  const next = bulkhead.enter(patient);
  first?.();
  expect(await next).toBeDefined();
  expect(await bulkhead.enter(cut.signal)).toBeUndefined();
});
