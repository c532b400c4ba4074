import { pino } from "pino";
import { expect, it } from "vitest";
import { createFallback, noFallback } from "./fallback.ts";
import type { PatternEvent } from "./pattern-event.ts";

const silent = pino({ level: "silent" });

it("what can be had is given, and nothing is told", async () => {
  const events: PatternEvent[] = [];
  const fallback = createFallback((event) => events.push(event), silent);
  expect(await fallback("prices", async () => 5, undefined)).toBe(5);
  expect(events).toEqual([]);
});

it("what cannot be had is substituted, and told with its reason", async () => {
  const events: PatternEvent[] = [];
  const fallback = createFallback((event) => events.push(event), silent);
  const wanted = () => Promise.reject(new Error("catalog did not answer"));
  expect(await fallback("prices", wanted, "none")).toBe("none");
  expect(events).toEqual([{ kind: "fallback", name: "prices", why: "catalog did not answer" }]);
});

it("without the pattern it fails", async () => {
  const wanted = () => Promise.reject(new Error("catalog did not answer"));
  await expect(noFallback("prices", wanted, "none")).rejects.toThrow("catalog did not answer");
});
