import { expect, it } from "vitest";
import { HedgeDelay, hedged, type HedgeOptions } from "./hedge.ts";
import type { Outcome } from "./outcome.ts";
import type { PatternEvent } from "./pattern-event.ts";

const answered = (status: number): Outcome => ({ kind: "answered", status, body: status, retryAfterMs: 0 });

/** Attempts that a test ends by hand. */
function attempts() {
  const begun: { readonly cut: AbortController; readonly end: (outcome: Outcome) => void }[] = [];
  return {
    begun,
    attempt: (cut: AbortController) => {
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      begun.push({ cut, end: resolve });
      return promise;
    },
    async second() {
      while (begun.length < 2) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function options(events: PatternEvent[] = [], mayHedge = true): HedgeOptions {
  return { callee: "peer", delayMs: 1, mayHedge: () => mayHedge, tell: (event) => events.push(event) };
}

it("the second attempt wins when it answers first, and the first one is cancelled", async () => {
  const [script, events] = [attempts(), [] as PatternEvent[]];
  const outcome = hedged(script.attempt, options(events));
  await script.second();
  script.begun[1]?.end(answered(200));
  expect(await outcome).toEqual(answered(200));
  expect(script.begun.map(({ cut }) => cut.signal.aborted)).toEqual([true, false]);
  expect(events).toMatchObject([{ kind: "hedged", outcome: "won" }]);
});

it("the first attempt wins when it answers first after all, and the second one is cancelled", async () => {
  const [script, events] = [attempts(), [] as PatternEvent[]];
  const outcome = hedged(script.attempt, options(events));
  await script.second();
  script.begun[0]?.end(answered(200));
  expect(await outcome).toEqual(answered(200));
  expect(script.begun.map(({ cut }) => cut.signal.aborted)).toEqual([false, true]);
  expect(events).toMatchObject([{ kind: "hedged", outcome: "lost" }]);
});

it("trouble does not win: the other attempt is waited for", async () => {
  const script = attempts();
  const outcome = hedged(script.attempt, options());
  await script.second();
  script.begun[1]?.end(answered(503));
  script.begun[0]?.end(answered(200));
  expect(await outcome).toEqual(answered(200));
});

it("of two in trouble the first one's outcome counts", async () => {
  const script = attempts();
  const outcome = hedged(script.attempt, options());
  await script.second();
  script.begun[1]?.end(answered(503));
  script.begun[0]?.end(answered(502));
  expect(await outcome).toEqual(answered(502));
});

it("an answer in time, or a budget that is empty, means one attempt", async () => {
  const quick = attempts();
  const early = hedged(quick.attempt, { ...options(), delayMs: 10_000 });
  quick.begun[0]?.end(answered(200));
  expect([await early, quick.begun.length]).toEqual([answered(200), 1]);

  const alone = attempts();
  let isAsked = false;
  const outcome = hedged(alone.attempt, {
    ...options(),
    mayHedge: () => {
      isAsked = true;
      return false;
    },
  });
  while (!isAsked) await new Promise((resolve) => setImmediate(resolve));
  alone.begun[0]?.end(answered(200));
  expect([await outcome, alone.begun.length]).toEqual([answered(200), 1]);
});

it("waits for the 95th percentile of the last answers, once there are enough of them, and never less than 10 ms", () => {
  const delay = new HedgeDelay();
  for (let sample = 1; sample <= 48; sample += 1) delay.record(sample);
  expect(delay.delayMs).toBeUndefined();
  for (let sample = 49; sample <= 64; sample += 1) delay.record(sample);
  expect(delay.delayMs).toBe(61); // the 61st of 64: 0.95 × 64 = 60.8
  for (let sample = 0; sample < 256; sample += 1) delay.record(1);
  expect(delay.delayMs).toBe(10);
});
