import { describe, expect, it } from "vitest";
import { hostile } from "./fixtures/hostile-summary.ts";
import * as fixtures from "./fixtures/shop-summaries.ts";
import { renderText } from "./text.ts";

const all = Object.entries(fixtures);

describe.each(all)("the terminal text of %s", (_, make) => {
  it("fits its width and a page", () => {
    for (const width of [60, 80, 120]) {
      const lines = renderText(make(), { color: false, width }).split("\n");
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      if (width >= 100) expect(lines.length).toBeLessThanOrEqual(47);
    }
  });

  it("says the same with colour and without", () => {
    const colored = renderText(make(), { color: true, width: 100 });
    // eslint-disable-next-line no-control-regex -- ANSI colours
    expect(colored.replace(/\u001b\[\d+m/g, "")).toBe(renderText(make(), { color: false, width: 100 }));
    expect(colored).toContain("\u001b[");
  });

  it("lets no text of the run speak to the terminal", () => {
    const text = renderText(hostile(make()), { color: false, width: 100 });
    // eslint-disable-next-line no-control-regex -- they are what is sought
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  });
});

describe("the terminal text", () => {
  const text = (summary = fixtures.deviatedSummary()): string =>
    renderText(summary, { color: false, width: 110 });

  it("tells the story: fault, load, verdict, objectives, journeys, anomalies, how to repeat", () => {
    const lines = text().split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "fault   latency 3 s ± 500 ms on payment -> gateway-a",
        "✗ DEVIATED  exit code 1",
        "✗ checkout      success 100 % → 87.56 %     p95 not enough data",
        "✓ held         recovers within 10 s of the undo: 2.8 s",
        "               - payment p-7731 of order 1c0e57a2 was captured, and the order is pending",
        "repeat  npx squall run chaos/payment-gateway-slow.yaml --set patterns=none --seed 2718281828",
      ]),
    );
  });

  it("says what explains the change, and what else is wrong in the traces, in a few lines", () => {
    expect(text().replace(/\s+/g, " ")).toContain(
      "What explains the change payment -> gateway-a explains 97 % of the time that was added",
    );
    expect(text()).toContain(
      "! also in the traces: edges that the target does not declare (1), errors that were",
    );
    expect(text(fixtures.heldSummary())).toContain("Nothing changed from baseline to fault");
  });

  it("says what the services themselves began to say is wrong, and nothing where that is no trouble", () => {
    expect(text()).toMatch(
      /^! new in the logs, 22 times: order: an order waits for an outcome: payment did not answer: .*…$/m,
    );
    expect(text(fixtures.heldSummary())).not.toContain("new in the logs");
  });

  it("says aloud that a fault touched nothing and that a record is incomplete", () => {
    expect(text(fixtures.inconclusiveSummary())).toContain("! It touched nothing: 0 calls over the edge");
    expect(text(fixtures.incompleteSummary())).toContain("! This record is incomplete");
  });

  it("shows what a fault of calls matched, drew and affected, and its first calls", () => {
    const lines = text(fixtures.lostAnswersSummary()).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "fault   lost answers of POST /payments, every 10th call, on order -> payment",
        "        - POST /payments (match 10): lost the answer 201, reset, trace 0af7651916cd43dd8448eb211c80319c",
        "        … and 20 more",
      ]),
    );
    expect(lines.join(" ").replace(/\s+/g, " ")).toContain(
      "248 calls matched, 24 drawn, 23 affected; 1 connection could not be read.",
    );
  });

  it("says of a fault of connections how many of them it took", () => {
    expect(text().replace(/\s+/g, " ")).toContain("48 of 48 connections and 118.4 KB affected");
    expect(text(fixtures.heldSummary()).replace(/\s+/g, " ")).toContain("906 connections and 0 B affected");
  });

  it("parts no figure from its unit", () => {
    const summary = { ...fixtures.heldSummary(), title: `${"x".repeat(30)} took 12 ms` };
    expect(renderText(summary, { color: false, width: 40 })).toMatch(/x took\n12 ms\n/);
  });

  it("counts what it leaves out", () => {
    const summary = fixtures.heldSummary();
    const reasons = Array.from({ length: 9 }, (_, index) => `reason ${index}`);
    expect(text({ ...summary, verdict: { ...summary.verdict, reasons } })).toContain(
      "- reason 4\n… and 4 more\n",
    );
  });
});
