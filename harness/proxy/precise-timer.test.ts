import { spawnSync } from "node:child_process";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { PreciseTimer } from "./precise-timer.ts";

const timer = new PreciseTimer();
const nowMs = () => systemClock.nowMs();
const until = (dueMs: number) => new Promise<void>((resolve) => timer.at(dueMs, resolve));

describe("a call", () => {
  it("is never made before its time, however short or odd that is", async () => {
    for (const waitMs of [0.05, 0.3, 1, 1.49, 1.51, 2.7, 20.4]) {
      const dueMs = nowMs() + waitMs;
      await until(dueMs);
      expect(nowMs()).toBeGreaterThanOrEqual(dueMs);
    }
  });

  it("whose time has passed is made later, not at once", async () => {
    let isMade = false;
    timer.at(0, () => (isMade = true));
    expect(isMade).toBe(false);
    await until(nowMs());
    expect(isMade).toBe(true);
  });

  it("that is cancelled is not made, also by one before it at the same time", async () => {
    const made: string[] = [];
    const dueMs = nowMs() + 3;
    timer.at(dueMs, () => {
      made.push("first");
      second.cancel();
    });
    const second = timer.at(dueMs, () => made.push("second"));
    const third = timer.at(dueMs + 1, () => made.push("third"));
    third.cancel();
    third.cancel();
    await until(dueMs + 2);
    expect(made).toEqual(["first"]);
  });

  it("that throws does not keep the others from being made", async () => {
    const uncaught = new Promise((resolve) => process.once("uncaughtException", resolve));
    // vitest's own listeners would fail the test
    const others = process.listeners("uncaughtException").slice(0, -1);
    for (const other of others) process.off("uncaughtException", other);
    const dueMs = nowMs() + 2;
    timer.at(dueMs, () => {
      throw new Error("on purpose");
    });
    await until(dueMs + 1);
    expect(await uncaught).toMatchObject({ message: "on purpose" });
    for (const other of others) process.on("uncaughtException", other);
  });

  it("armed by a call for a time that has passed lets the event loop turn first", async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      timer.at(0, () => {
        setImmediate(() => order.push("loop"));
        timer.at(0, () => {
          order.push("second");
          resolve();
        });
        order.push("first");
      });
    });
    expect(order).toEqual(["first", "loop", "second"]);
  });
});

it("calls come in order of their times, of equal ones in order of arming, whatever is cancelled meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ waitMs: fc.integer({ min: 0, max: 5 }), isCancelled: fc.boolean() }), {
        minLength: 1,
        maxLength: 40,
      }),
      async (plans) => {
        const startMs = nowMs() + 1;
        const made: number[] = [];
        const alarms = plans.map(({ waitMs }, index) => timer.at(startMs + waitMs, () => made.push(index)));
        plans.forEach(({ isCancelled }, index) => isCancelled && alarms[index]?.cancel());
        await until(startMs + 6);
        const expected = plans
          .map((plan, index) => ({ ...plan, index }))
          .filter(({ isCancelled }) => !isCancelled)
          .toSorted((one, other) => one.waitMs - other.waitMs || one.index - other.index)
          .map(({ index }) => index);
        expect(made).toEqual(expected);
      },
    ),
    { numRuns: 40 },
  );
});

describe("waiting", () => {
  it("turns the event loop no more than two dozen times for a time, and not at all for none", async () => {
    const turns = await loopTurns(async () => {
      for (let index = 0; index < 20; index += 1) await until(nowMs() + 5);
    });
    expect(turns).toBeLessThan(20 * 30);
    expect(await loopTurns(() => delay(100))).toBeLessThan(10);
  });

  it("for an hour holds one timer of Node's, whatever is armed and cancelled before and after it", () => {
    const resources = () => process.getActiveResourcesInfo().filter((name) => name !== "TTYWrap");
    const before = resources();
    const hour = timer.at(nowMs() + 3_600_000, () => undefined);
    for (let index = 0; index < 1_000; index += 1)
      timer.at(nowMs() + 3_600_000 + (index % 2 === 0 ? 1 : -1) * index, () => undefined).cancel();
    expect(resources().length).toBe(before.length + 1);
    hour.cancel();
    expect(resources()).toEqual(before);
  });

  it("leaves nothing that keeps the process alive once calls are made or cancelled", () => {
    const script = `
      const { preciseTimer } = await import("./precise-timer.ts");
      preciseTimer.at(performance.timeOrigin + performance.now() + 3_600_000, () => undefined).cancel();
      preciseTimer.at(performance.timeOrigin + performance.now() + 20, () => console.log("made"));`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      timeout: 10_000,
      encoding: "utf8",
    });
    expect({ stdout, status }).toEqual({ stdout: "made\n", status: 0 });
  });

  it("is no shorter for a time beyond what Node's timers can wait", async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    let isMade = false;
    const alarm = timer.at(nowMs() + 1e12, () => (isMade = true));
    expect(await loopTurns(() => delay(30))).toBeLessThan(10);
    alarm.cancel();
    process.off("warning", onWarning);
    expect({ isMade, warnings }).toEqual({ isMade: false, warnings: [] });
  });
});

/** Turns of the event loop while something is awaited. */
async function loopTurns(wait: () => Promise<unknown>): Promise<number> {
  const before = performance.nodeTiming.uvMetricsInfo.loopCount;
  await wait();
  return performance.nodeTiming.uvMetricsInfo.loopCount - before;
}
