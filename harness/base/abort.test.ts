import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { doOrAbandon } from "./abort.ts";

const never = new AbortController().signal;
const long = 60_000;

test("work that ends by itself gives its result, or its error", async () => {
  const within = { halt: never, withinMs: long, graceMs: long };
  expect(await doOrAbandon(() => Promise.resolve(7), within)).toBe(7);
  await expect(doOrAbandon(() => Promise.reject(new Error("no")), within)).rejects.toThrow("no");
});

test("work that heeds its halt may still end in order", async () => {
  const halt = new AbortController();
  const working = doOrAbandon(
    async (signal) => {
      await sleep(long, undefined, { signal }).catch(() => undefined);
      return "in order";
    },
    { halt: halt.signal, withinMs: long, graceMs: long },
  );
  halt.abort(new Error("enough"));
  expect(await working).toBe("in order");
});

test("work that heeds nothing is left behind, after its halt or its time", async () => {
  const hang = (): Promise<never> => new Promise(() => undefined);
  const halt = AbortSignal.abort(new Error("enough"));
  await expect(doOrAbandon(hang, { halt, withinMs: long, graceMs: 10 })).rejects.toThrow("enough");
  await expect(doOrAbandon(hang, { halt: never, withinMs: 10, graceMs: 10 })).rejects.toThrow(
    "not done within 10 ms",
  );
});
