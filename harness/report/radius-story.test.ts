import { expect, test } from "vitest";
import { deviatedSummary, emptySummary, heldSummary } from "./fixtures/shop-summaries.ts";
import { renderMarkdown } from "./markdown.ts";
import { radiusRows } from "./radius-story.ts";

const textOf = (what: string, summary = heldSummary()) =>
  radiusRows(summary)
    .filter((row) => row.what.startsWith(what))
    .map(({ planned, touched, isBeyond }) => ({ planned, touched, isBeyond }))[0];

test("what was planned stands beside what was touched", () => {
  expect(textOf("Hit at first hand")).toEqual({ planned: "gateway", touched: "gateway", isBeyond: false });
  expect(textOf("May feel it")?.touched).toBe("gateway (906 of 2,760 calls failed)");
  expect(textOf("Share of what clients ask")?.touched).toBe("21.52 % came to it: 450 of 2,091 requests");
  expect(textOf("Journeys")).toMatchObject({ planned: "about 1,500", touched: "1,500" });
  expect(textOf("Longest fault")).toMatchObject({ planned: "25 s", touched: "25 s" });
});

test("a service that was out of reach and of whose calls more failed is marked, and only then", () => {
  expect(textOf("Out of reach")).toMatchObject({ touched: "none", isBeyond: false });
  expect(textOf("Out of reach", deviatedSummary())).toMatchObject({
    touched: "notification (2 of 1,127 calls failed)",
    isBeyond: true,
  });
  expect(renderMarkdown(deviatedSummary())).toContain("| ! notification (2 of 1,127 calls failed) |");
});

test("a run that was to break nothing has no radius", () => {
  expect(radiusRows(emptySummary())).toEqual([]);
});
