import { expect, it } from "vitest";
import { createLabelCap } from "./label-cap.ts";

it("the first values of a label are kept, and whatever comes later is one", () => {
  const cap = createLabelCap(2);
  expect(["declined", "no-card", "declined", "x-1", "x-2", "no-card"].map(cap)).toEqual([
    ...["declined", "no-card", "declined", "other", "other", "no-card"],
  ]);
});
