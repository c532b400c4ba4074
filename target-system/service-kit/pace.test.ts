import { expect, it } from "vitest";
import { Pace } from "./pace.ts";

const options = { lanes: 4, firstPauseMs: 100, mostPauseMs: 300 };

it("gives all lanes to one who answers, and one, after growing pauses, to one who does not", () => {
  const pace = new Pace(options);
  expect([pace.room(0, 0), pace.room(3, 0), pace.room(4, 0)]).toEqual([4, 1, 0]);
  const pauses = [0, 1_000, 2_000, 3_000].map((atMs) => {
    pace.troubled(atMs);
    return pace.pauseLeftMs(atMs);
  });
  expect(pauses).toEqual([100, 200, 300, 300]);
  expect([pace.room(0, 3_299), pace.room(0, 3_300), pace.room(1, 3_300)]).toEqual([0, 1, 0]);
  pace.answered();
  expect([pace.room(1, 3_300), pace.pauseLeftMs(3_300)]).toEqual([3, 0]);
});

it("counts what fails at once as one round", () => {
  const pace = new Pace(options);
  for (const atMs of [0, 1, 2, 99]) pace.troubled(atMs);
  expect(pace.pauseLeftMs(0)).toBe(100);
  pace.troubled(100);
  expect(pace.pauseLeftMs(100)).toBe(200);
});
