import { expect, it } from "vitest";
import { parsePatterns, patternNames } from "./patterns.ts";

const always = ["fallback", "idempotency"];

it.each([
  ["none", always],
  ["timeouts", [...always, "timeouts"]],
  ["retries", [...always, "timeouts", "retries"]],
  ["full", [...patternNames]],
  ["full,-breaker", patternNames.filter((name) => name !== "breaker")],
  ["full,-retries,-hedging", patternNames.filter((name) => name !== "retries" && name !== "hedging")],
  ["none,+timeouts", [...always, "timeouts"]],
  ["none, +shedding , +bulkhead", [...always, "shedding", "bulkhead"]],
  ["none,-fallback,-idempotency", []],
  ["full,-budget,+budget", [...patternNames]],
  ["retries,+retries", [...always, "timeouts", "retries"]],
])("PATTERNS=%s", (text, expected) => {
  expect(parsePatterns(text)).toEqual(new Set(expected));
});

it.each(patternNames)("%s is on alone and off alone", (name) => {
  expect(parsePatterns(`none,+${name}`)).toEqual(new Set([...always, name]));
  expect([...parsePatterns(`full,-${name}`)]).toEqual(patternNames.filter((other) => other !== name));
});

it.each([
  ["", 'expected one of none, timeouts, retries, full first, got ""'],
  ["all", 'got "all"'],
  ["+breaker", 'first, got "+breaker"'],
  ["breaker", 'first, got "breaker"'],
  [
    "full,breaker",
    "expected + or - and one of timeouts, deadlines, retries, budget, hedging, breaker, bulkhead, ",
  ],
  ["full,-brekar", 'got "-brekar"'],
  ["full,", 'got ""'],
  ["Full", 'got "Full"'],
])("PATTERNS=%s is refused, saying what is expected", (text, message) => {
  expect(() => parsePatterns(text)).toThrow(message);
});

it("tells of every mistake at once", () => {
  expect(() => parsePatterns("most,-brekar,+hedge")).toThrow(/"most".*"-brekar".*"\+hedge"/);
});
