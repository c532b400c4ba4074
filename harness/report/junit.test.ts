import { describe, expect, it } from "vitest";
import type { Summary } from "../record/summary.ts";
import { hostile } from "./fixtures/hostile-summary.ts";
import { readMarkup, type ReadElement } from "./fixtures/markup-reader.ts";
import * as fixtures from "./fixtures/shop-summaries.ts";
import { renderJunit } from "./junit.ts";

function problems(summary: Summary): (readonly [string, string | undefined])[] {
  return read(summary)
    .filter(({ name }) => name === "failure" || name === "error")
    .map(({ name, attributes }) => [name, attributes["type"]] as const);
}

function read(summary: Summary): ReadElement[] {
  return readMarkup(renderJunit(summary), "xml");
}

describe.each(Object.entries(fixtures))("junit.xml of %s", (_, make) => {
  it("is well-formed with one case for each objective, invariant and fault, and one for the run", () => {
    for (const summary of [make(), hostile(make())]) {
      const elements = read(summary);
      const cases = elements.filter(({ name }) => name === "testcase");
      expect(cases).toHaveLength(
        summary.objectives.length + summary.invariants.length + summary.faults.length + 1,
      );
      const suite = elements.find(({ name }) => name === "testsuite");
      expect(suite?.attributes).toMatchObject({
        tests: String(cases.length),
        failures: String(elements.filter(({ name }) => name === "failure").length),
        errors: String(elements.filter(({ name }) => name === "error").length),
      });
    }
  });

  it("is green for a run that held, and for no other", () => {
    expect(problems(make()).length === 0).toBe(make().verdict.outcome === "held");
  });
});

describe("junit.xml", () => {
  it("shows deviated and violated as failures, inconclusive as an error", () => {
    expect(problems(fixtures.deviatedSummary())).toEqual([
      ["failure", "deviated"],
      ["error", "inconclusive"],
      ["failure", "deviated"],
      ["failure", "violated"],
    ]);
  });

  it("shows a fault that touched nothing as an error", () => {
    const error = read(fixtures.inconclusiveSummary()).find(
      ({ name, attributes }) => name === "error" && attributes["message"]?.includes("It touched nothing"),
    );
    expect(error?.attributes["type"]).toBe("inconclusive");
  });

  it("fails a run that was aborted or not recovered, though every objective held", () => {
    for (const outcome of ["aborted", "not-recovered"] as const) {
      const summary = fixtures.heldSummary();
      expect(problems({ ...summary, verdict: { ...summary.verdict, outcome } })).toEqual([
        ["failure", outcome],
      ]);
    }
  });

  it("is not green for a verdict that nothing else explains", () => {
    const summary = fixtures.heldSummary();
    expect(problems({ ...summary, verdict: { ...summary.verdict, outcome: "deviated" } })).toEqual([
      ["failure", "deviated"],
    ]);
    expect(problems({ ...summary, verdict: { ...summary.verdict, outcome: "inconclusive" } })).toEqual([
      ["error", "inconclusive"],
    ]);
  });

  it("carries witness and trace in the failure's text", () => {
    const failure = read(fixtures.deviatedSummary()).find(
      ({ attributes }) => attributes["type"] === "violated",
    );
    expect(failure?.text).toContain('"paymentId":"p-7731"');
    expect(failure?.text).toContain("trace 6f5902ac237024bdd0c176cb93063dc4");
  });
});
