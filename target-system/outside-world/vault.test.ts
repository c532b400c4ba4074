import { expect, it } from "vitest";
import { Refusal } from "./refusal.ts";
import { Vault } from "./vault.ts";

it("the same card has one token, another expiry another, and neither says the number", () => {
  const vault = new Vault("tok");
  const token = vault.tokenize("4242424242424242", "2030-12");
  expect(vault.tokenize("4242424242424242", "2030-12")).toBe(token);
  expect(vault.tokenize("4242424242424242", "2031-12")).not.toBe(token);
  expect(token).not.toMatch(/4242/);
});

it.each([
  ["4242424242424242", "good"],
  ["5555555555554444", "good"],
  ["4000000000000002", "declined"],
  ["4000000000009995", "insufficient-funds"],
  ["4000000000000341", "late"],
])("the card %s is %s, also for a vault that started anew", (number, kind) => {
  const token = new Vault("tok").tokenize(number, "2030-12");
  expect(new Vault("tok").kindOf(token)).toBe(kind);
});

it("a number that is no test card's is refused, and so is another vault's token", () => {
  const vault = new Vault("tok");
  expect(() => vault.tokenize("4111111111111111", "2030-12")).toThrow(Refusal);
  expect(() => vault.kindOf(new Vault("vlt").tokenize("4242424242424242", "2030-12"))).toThrow(Refusal);
  expect(() => vault.kindOf("tok-user-051")).toThrow(Refusal);
  expect([vault.kindOf("tok-user-001"), vault.kindOf("tok-user-050")]).toEqual(["good", "good"]);
});
