import { expect, it } from "vitest";
import { createBreaker, type Breaker, type BreakerState } from "./breaker.ts";

function breakerAt(clock: { nowMs: number }, onState?: (state: BreakerState) => void): Breaker {
  return createBreaker({
    failuresToOpen: 3,
    openMs: 1_000,
    nowMs: () => clock.nowMs,
    ...(onState && { onState }),
  });
}

function fail(breaker: Breaker, times: number): void {
  for (let failure = 0; failure < times; failure += 1) breaker.enter()?.failed();
}

it("opens after the given failures in a row, not after as many with a success between", () => {
  const breaker = breakerAt({ nowMs: 0 });
  fail(breaker, 2);
  breaker.enter()?.succeeded();
  fail(breaker, 2);
  expect(breaker.state).toBe("closed");
  fail(breaker, 1);
  expect([breaker.state, breaker.enter()]).toEqual(["open", undefined]);
});

it("lets one call through when its time is over, and closes when that call succeeds", () => {
  const clock = { nowMs: 0 };
  const states: BreakerState[] = [];
  const breaker = breakerAt(clock, (state) => states.push(state));
  fail(breaker, 3);
  clock.nowMs = 999;
  expect(breaker.enter()).toBeUndefined();
  clock.nowMs = 1_000;
  const trial = breaker.enter();
  expect([breaker.state, breaker.enter()]).toEqual(["half-open", undefined]);
  trial?.succeeded();
  expect(states).toEqual(["open", "half-open", "closed"]);
});

it("stays open for its whole time again when the one call fails", () => {
  const clock = { nowMs: 0 };
  const breaker = breakerAt(clock);
  fail(breaker, 3);
  clock.nowMs = 1_000;
  breaker.enter()?.failed();
  clock.nowMs = 1_999;
  expect(breaker.enter()).toBeUndefined();
  clock.nowMs = 2_000;
  expect(breaker.enter()).toBeDefined();
});

it("a call that began before it opened neither closes it nor prolongs it", () => {
  const clock = { nowMs: 0 };
  const breaker = breakerAt(clock);
  const [slowSuccess, slowFailure] = [breaker.enter(), breaker.enter()];
  fail(breaker, 3);
  slowSuccess?.succeeded();
  expect(breaker.state).toBe("open");
  clock.nowMs = 1_000;
  const trial = breaker.enter();
  slowFailure?.failed();
  expect(breaker.state).toBe("half-open");
  trial?.succeeded();
  expect(breaker.state).toBe("closed");
});

it("a trial that says nothing leaves the trial to the next caller", () => {
  const clock = { nowMs: 0 };
  const breaker = breakerAt(clock);
  fail(breaker, 3);
  clock.nowMs = 1_000;
  breaker.enter()?.ignored();
  const trial = breaker.enter();
  trial?.succeeded();
  expect([trial === undefined, breaker.state]).toEqual([false, "closed"]);
});
