import { expect, it } from "vitest";
import type { Failure, Outcome } from "./outcome.ts";
import { untold, type PatternEvent } from "./pattern-event.ts";
import { createRetryBudget, unlimitedBudget } from "./retry-budget.ts";
import { retrying, type RetryOptions } from "./retry.ts";

const answered = (status: number, retryAfterMs = 0): Outcome => ({
  kind: "answered",
  status,
  body: undefined,
  retryAfterMs,
});
const failed = (reason: Failure["reason"], mayHaveHappened: boolean): Outcome => ({
  kind: "failed",
  reason,
  mayHaveHappened,
});

const atOnce: RetryOptions = {
  callee: "peer",
  endMs: Number.POSITIVE_INFINITY,
  budget: unlimitedBudget,
  mostAttempts: 3,
  tell: untold,
  random: () => 0,
};

/** Attempts that have these outcomes one after the other. */
function scripted(...outcomes: readonly Outcome[]): { attempt: () => Promise<Outcome>; made: () => number } {
  let made = 0;
  return {
    attempt: async () => outcomes[made++] ?? answered(200),
    made: () => made,
  };
}

it.each([
  ["answers that will not change", [answered(404)], 1],
  ["a fault of the callee's own", [answered(500)], 1],
  ["trouble that passes", [answered(503), failed("broken", true), answered(200)], 3],
  ["trouble that stays", [answered(502), answered(504), answered(503), answered(200)], 3],
  ["a breaker that is open", [failed("breaker-open", false)], 1],
])("%s", async (_what, outcomes, attempts) => {
  const script = scripted(...outcomes);
  expect(await retrying(script.attempt, atOnce)).toMatchObject({ ...outcomes[attempts - 1] });
  expect(script.made()).toBe(attempts);
});

it("an attempt that could not be sent leaves the answer that there was", async () => {
  const script = scripted(answered(503), failed("breaker-open", false));
  expect(await retrying(script.attempt, atOnce)).toEqual(answered(503));
});

it("a failure may have happened when any of its attempts may have been heard", async () => {
  const script = scripted(failed("broken", true), failed("refused", false), failed("refused", false));
  expect(await retrying(script.attempt, atOnce)).toMatchObject({ reason: "refused", mayHaveHappened: true });
});

it("pauses are drawn from zero to a bound that doubles, and none goes beyond the deadline", async () => {
  const pauses: number[] = [];
  const tell = (event: PatternEvent): void => void (event.kind === "retry" && pauses.push(event.backoffMs));
  await retrying(scripted(answered(503), answered(503)).attempt, { ...atOnce, tell, random: () => 0.5 });
  expect(pauses).toEqual([25, 50]);
  const script = scripted(answered(503));
  await retrying(script.attempt, { ...atOnce, random: () => 1, endMs: performance.now() + 45 });
  expect(script.made()).toBe(1);
});

it("a callee that says when to come again is not asked before, and not at all when that is too late", async () => {
  const startMs = performance.now();
  await retrying(scripted(answered(503, 80)).attempt, atOnce);
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(79);
  const script = scripted(answered(503, 3_600_000));
  expect(await retrying(script.attempt, atOnce)).toMatchObject({ status: 503 });
  expect(script.made()).toBe(1);
});

it("an empty budget ends the attempts, and says so", async () => {
  const events: PatternEvent[] = [];
  const budget = createRetryBudget({ capacity: 1 });
  const script = scripted(answered(503), answered(503), answered(503));
  await retrying(script.attempt, { ...atOnce, budget, tell: (event) => events.push(event) });
  expect(script.made()).toBe(2);
  expect(events).toEqual([
    { kind: "retry", callee: "peer", attempt: 2, why: "status 503", backoffMs: 0 },
    { kind: "budget-empty", callee: "peer", wanted: "retry" },
  ]);
});
