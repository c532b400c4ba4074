import { expect, it } from "vitest";
import { Refusal } from "./refusal.ts";
import { RequestKeys } from "./request-keys.ts";

it("a repeat of a key is given what the first one made, and one without a key is always new", () => {
  const keys = new RequestKeys<number>();
  let made = 0;
  const make = (): number => (made += 1);
  expect(keys.once("k", { a: 1 }, make)).toEqual({ value: 1, isRepeat: false });
  expect(keys.once("k", { a: 1 }, make)).toEqual({ value: 1, isRepeat: true });
  expect(keys.once(undefined, { a: 1 }, make)).toEqual({ value: 2, isRepeat: false });
});

it("a key used for something else is refused", () => {
  const keys = new RequestKeys<number>();
  keys.once("k", { a: 1 }, () => 1);
  expect(() => keys.once("k", { a: 2 }, () => 2)).toThrow(Refusal);
});

it("what was not made leaves its key free, and an hour later a key is forgotten", () => {
  let nowMs = 0;
  const keys = new RequestKeys<number>(() => nowMs);
  expect(() =>
    keys.once("k", {}, () => {
      throw new Refusal("unknown", "no");
    }),
  ).toThrow(Refusal);
  expect(keys.once("k", {}, () => 1).isRepeat).toBe(false);
  nowMs = 60 * 60_000;
  expect(keys.once("k", {}, () => 2).isRepeat).toBe(true);
  nowMs += 1;
  expect(keys.once("k", {}, () => 3)).toEqual({ value: 3, isRepeat: false });
});
