import { expect, test } from "vitest";
import { readMarkup } from "../fixtures/markup-reader.ts";
import { emptySummary, heldSummary } from "../fixtures/shop-summaries.ts";
import { alertsSection } from "./alerts.ts";

const read = (summary = heldSummary()) =>
  readMarkup(`<!doctype html>${alertsSection(summary)?.text ?? ""}`, "html");

test("a run of which no alert is expected has no such section", () => {
  expect(alertsSection(emptySummary())).toBeUndefined();
});

test("each value stands beside what it is compared with, and where the alert fired is marked", () => {
  const elements = read();
  const attributesOf = (className: string) =>
    elements
      .filter(({ attributes }) => attributes["class"] === className)
      .map(({ attributes }) => attributes);
  const [line] = attributesOf("threshold");
  // No value is above it, so that the top is a tenth above it: 1 - 1 / 1.1.
  expect(line?.["y1"]).toBe("9.09%");
  const paths = attributesOf("curve").map((attributes) => attributes["d"] ?? "");
  expect(paths).toHaveLength(1);
  // Interrupted once, and not drawn before the load began.
  expect(paths[0]?.match(/M/g)).toHaveLength(2);
  expect(attributesOf("fired")).toHaveLength(1);
  expect(elements.map(({ text }) => text).join(" ")).toContain("fired from 1 s to 4 s");
});

test("how much shorter windows are than in production is said", () => {
  const textOf = (summary = heldSummary()): string =>
    read(summary)
      .map(({ text }) => text)
      .join(" ");
  expect(textOf()).toContain("Windows are 1/120 of those in production");
  const production = heldSummary();
  const objectives = production.objectives.map((objective) =>
    objective.alert === undefined ? objective : { ...objective, alert: { ...objective.alert, scale: 1 } },
  );
  expect(textOf({ ...production, objectives })).toContain("Windows are those of production.");
});
