import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const known = ["latency", "bandwidth", "reset-peer", "down"];

test("a misspelt name is taken for the nearest known one", () => {
  expect(nearest("latancy", known)).toBe("latency");
  expect(nearest("reset_peer", known)).toBe("reset-peer");
  expect(nearest("bandwith", known)).toBe("bandwidth");
});

test("two swapped letters are one mistake", () => {
  expect(nearest("dwon", ["down", "done"])).toBe("down");
});

test("case is not what tells names apart", () => {
  expect(nearest("LATENCY", known)).toBe("latency");
});

test("a name that is near none is taken for none", () => {
  expect(nearest("packet-loss", known)).toBeUndefined();
  expect(nearest("x", known)).toBeUndefined();
  expect(nearest("latency", [])).toBeUndefined();
});
