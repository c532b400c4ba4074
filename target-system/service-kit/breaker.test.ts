import { expect, it } from "vitest";
import { createBreaker } from "./breaker.ts";

function breakerAt(clock: { nowMs: number }) {
  return createBreaker({ failuresToOpen: 3, openMs: 1_000, nowMs: () => clock.nowMs });
}

it("opens after the given failures in a row, not after as many with a success between", () => {
  const breaker = breakerAt({ nowMs: 0 });
  breaker.failed();
  breaker.failed();
  breaker.succeeded();
  breaker.failed();
  breaker.failed();
  expect(breaker.allow()).toBe(true);
  breaker.failed();
  expect(breaker.allow()).toBe(false);
});

it("lets one call through when its time is over, and closes when that call succeeds", () => {
  const clock = { nowMs: 0 };
  const breaker = breakerAt(clock);
  for (let failure = 0; failure < 3; failure += 1) breaker.failed();
  clock.nowMs = 999;
  expect(breaker.allow()).toBe(false);
  clock.nowMs = 1_000;
  expect([breaker.allow(), breaker.allow()]).toEqual([true, false]);
  breaker.succeeded();
  expect(breaker.state).toBe("closed");
});

it("stays open for its whole time again when the one call fails", () => {
  const clock = { nowMs: 0 };
  const breaker = breakerAt(clock);
  for (let failure = 0; failure < 3; failure += 1) breaker.failed();
  clock.nowMs = 1_000;
  breaker.allow();
  breaker.failed();
  clock.nowMs = 1_999;
  expect(breaker.allow()).toBe(false);
  clock.nowMs = 2_000;
  expect(breaker.allow()).toBe(true);
});
