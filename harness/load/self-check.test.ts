import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { formatDuration, formatRatio } from "../base/units.ts";
import { waitFor } from "../base/wait.ts";
import { driverBounds, driverProblem, watchDriver } from "./self-check.ts";

const well = { lateP99Ms: 2, lateMaxMs: 900, cpuShare: 0.2, stallMaxMs: 30 };

describe("the driver was the bottleneck", () => {
  it("not where its figures are within the bounds, nor where there are none", () => {
    expect(driverProblem(well)).toBeUndefined();
    expect(driverProblem(driverBounds)).toBeUndefined();
    expect(driverProblem({})).toBeUndefined();
  });

  it.each([
    [{ lateP99Ms: 120 }, "starts were 120 ms late at the 99th percentile (bound 100 ms)"],
    [{ cpuShare: 0.97 }, "it took 97 % of a processor (bound 90 %)"],
    [{ stallMaxMs: 1_500 }, "it stood still for 1.5 s (bound 1 s)"],
  ])("where one of them is beyond: %j", (figure, text) => {
    expect(driverProblem({ ...well, ...figure })).toBe(`the load driver was the bottleneck: ${text}`);
  });

  it("and every figure that is beyond is named", () => {
    expect(driverProblem({ lateP99Ms: 200, cpuShare: 1, stallMaxMs: 2_000 })?.split("; ")).toHaveLength(3);
  });
});

function beBusy(durationMs: number): void {
  const untilMs = systemClock.nowMs() + durationMs;
  while (systemClock.nowMs() < untilMs);
}

describe("what it measures of itself", () => {
  it("late is the nearest rank, and a start before its time is on time", () => {
    using self = watchDriver();
    expect(self.health()).toMatchObject({ lateP99Ms: 0, lateMaxMs: 0 });
    for (let index = 0; index < 99; index += 1) self.started(-1);
    self.started(40);
    expect(self.health()).toMatchObject({ lateP99Ms: expect.closeTo(0) as number, lateMaxMs: 40 });
    self.started(40);
    expect(self.health()).toMatchObject({ lateP99Ms: 40 });
  });

  it("a stall is as long as the loop did not turn, and makes a problem where it is too long", async () => {
    using self = watchDriver();
    await systemClock.sleep(50); // the pulse has to have begun
    beBusy(driverBounds.stallMaxMs + 150);
    const health = await waitFor({ what: "the stall to be seen", withinMs: 5_000 }, () => {
      const now = self.health();
      return now.stallMaxMs > driverBounds.stallMaxMs && now;
    });
    expect(health.problem).toContain("it stood still for ");
  });

  it("a thread that computes takes its processor, one that waits takes next to none", async () => {
    using idle = watchDriver();
    await systemClock.sleep(200);
    expect(idle.health().cpuShare).toBeLessThan(0.5);
    using busy = watchDriver();
    beBusy(200);
    expect(busy.health().cpuShare).toBeGreaterThan(idle.health().cpuShare);
  });
});

it("docs/experiments.md says the bounds", () => {
  const docs = readFileSync(join(import.meta.dirname, "../../docs/experiments.md"), "utf8");
  const boundOf = (figure: RegExp) =>
    docs
      .split("\n")
      .find((line) => figure.test(line))
      ?.split("|")
      .at(-2)
      ?.trim();
  expect(boundOf(/how late journeys started/)).toBe(formatDuration(driverBounds.lateP99Ms));
  expect(boundOf(/processor time of the thread/)).toBe(formatRatio(driverBounds.cpuShare));
  expect(boundOf(/this thread stood still/)).toBe(formatDuration(driverBounds.stallMaxMs));
});
