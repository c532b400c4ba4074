import { expect, it } from "vitest";
import { readCard } from "./card-number.ts";

const now = new Date("2026-11-21T12:00:00Z");

it.each([
  ["4242 4242 4242 4242", "visa", "4242"],
  ["5555-5555-5555-4444", "mastercard", "4444"],
  ["2720990000000007", "mastercard", "0007"],
  ["378282246310005", "amex", "0005"],
  ["6011111111111117", "card", "1117"],
])("%s is a %s that ends in %s", (number, brand, last4) => {
  expect(readCard(number, "12/30", now)).toMatchObject({ brand, last4, month: 12, year: 2030 });
});

it.each(["4242424242424241", "42424242", "4242 4242 4242 424x"])("%s is no card's number", (number) => {
  expect(readCard(number, "12/30", now)).toBe("card-invalid");
});

it("a card is good to the end of its month", () => {
  expect(readCard("4242424242424242", "11/26", now)).toMatchObject({ expiry: "11/26" });
  expect(readCard("4242424242424242", "10/26", now)).toBe("card-expired");
  expect(readCard("4242424242424242", "11/26", new Date("2026-12-01T00:00:00Z"))).toBe("card-expired");
});
