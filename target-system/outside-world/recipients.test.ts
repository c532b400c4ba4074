import { expect, it } from "vitest";
import { Recipients } from "./recipients.ts";

it.each([
  ["user-001@shop.example", [undefined, undefined]],
  ["unrefused@shop.example", [undefined, undefined]],
  ["laterally@shop.example", [undefined, undefined]],
  ["refused@shop.example", [550, 550]],
  ["refused+anna@else.example", [550, 550]],
  ["later@shop.example", [451, 451]],
  ["later-1@shop.example", [451, undefined]],
  ["later-2+ben@shop.example", [451, 451, undefined]],
] as const)("%s is answered %j", (address, expected) => {
  const recipients = new Recipients();
  expect(expected.map(() => recipients.refusal(address)?.responseCode)).toEqual(expected);
});

it("each address is busy for as many tries of its own", () => {
  const recipients = new Recipients();
  expect(recipients.refusal("later-1+a@shop")?.responseCode).toBe(451);
  expect(recipients.refusal("later-1+b@shop")?.responseCode).toBe(451);
});
