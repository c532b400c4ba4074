import { expect, test } from "vitest";
import { deviatedSummary, heldSummary } from "./fixtures/shop-summaries.ts";
import { blameTexts, findingGroups, isNewInFault, jaegerUrl } from "./trace-story.ts";

test("what explains the change is said with its share; that nothing changed is said plainly", () => {
  const { blame: blamed } = deviatedSummary();
  const { blame: nobody } = heldSummary();
  if (blamed === undefined || nobody === undefined) throw new Error("the fixtures compare");
  expect(blameTexts(blamed)).toEqual([
    "payment -> gateway-a explains 97 % of the time that was added: 58 ms → 3.12 s of a trace that comes there.",
    "payment -> gateway-a explains 79 % of the failures that were added: 0 of 135 → 22 of 225 failed.",
  ]);
  expect(blameTexts(nobody)).toEqual([
    "Nothing changed from baseline to fault that could be told from chance: no edge and no service took longer, or failed more.",
  ]);
  expect(blameTexts({ ...nobody, traces: { baseline: 0, fault: 9 } })[0]).toContain("nothing to compare");
});

test("findings are grouped by kind, what is wrong first, each with its count and why it matters", () => {
  const groups = findingGroups(deviatedSummary().findings);
  expect(groups.map(({ kind, findings }) => [kind, findings.length])).toEqual([
    ["undeclared", 1],
    ["swallowedErrors", 1],
    ["timeoutInversions", 1],
    ["retries", 1],
    ["nPlusOne", 1],
    ["sequentialCalls", 1],
    ["neverSeen", 1],
    ["clockShifts", 1],
  ]);
  const retries = groups.find(({ kind }) => kind === "retries")?.findings[0];
  expect(retries).toMatchObject({
    text: "order -> payment: 1.79 calls for each one that was asked for, 10 in the worst request",
    count: "177 retries: none in the baseline, 177 in the fault",
    bars: [
      { label: "asked for", text: "225" },
      { label: "made", text: "402" },
    ],
  });
  for (const { why } of groups) expect(why).toMatch(/^[A-Z].*\.$/);
  expect(findingGroups(undefined)).toEqual([]);
});

test("an error that was dealt with is no error that was swallowed", () => {
  const groups = findingGroups(heldSummary().findings);
  expect(groups.map(({ kind, isProblem }) => [kind, isProblem])).toEqual([
    ["retries", true],
    ["fallbacks", false],
    ["handledErrors", false],
    ["neverSeen", false],
  ]);
  expect(groups[2]?.findings[0]?.text).toBe(
    "gateway -> recommendation failed below gateway GET /products/:id, which succeeded: a fallback was served",
  );
});

test("what the fault brought comes before what was there", () => {
  const { findings } = deviatedSummary();
  const [old] = findings?.retries ?? [];
  if (findings === undefined || old === undefined) throw new Error("the fixture has retries");
  const was = { ...old, edge: "a -> b", during: { baseline: 3, fault: 9 } };
  const [group] = findingGroups({
    ...findings,
    undeclared: [],
    swallowedErrors: [],
    timeoutInversions: [],
    retries: [was, old],
  });
  expect(group?.findings.map(isNewInFault)).toEqual([true, false]);
});

test("a trace is found in Jaeger where one was named, and by nothing but its id", () => {
  const { run } = deviatedSummary();
  expect(jaegerUrl({ run }, "0af7")).toBe("http://localhost:16686/trace/0af7");
  expect(jaegerUrl({ run }, "../../x")).toBeUndefined();
  expect(jaegerUrl(heldSummary(), "0af7")).toBeUndefined();
});
