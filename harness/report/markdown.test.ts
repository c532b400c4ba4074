import { describe, expect, it } from "vitest";
import { hostile } from "./fixtures/hostile-summary.ts";
import * as fixtures from "./fixtures/shop-summaries.ts";
import { renderMarkdown } from "./markdown.ts";

describe("report.md", () => {
  it("shows verdict, objectives and numbers before anything is unfolded", () => {
    const text = renderMarkdown(fixtures.deviatedSummary());
    const seen = text.slice(0, text.indexOf("<details>"));
    expect(seen).toContain("## ✗ deviated: A slow payment gateway does not take checkout down");
    expect(seen).toContain(
      "| checkout: at least 99 % succeed during fault | ✗ deviated | 87.56 % (95 % interval",
    );
    expect(seen).toContain(
      "| fault | latency 3 s ± 500 ms on payment -> gateway-a, from 20 s to 45 s (25 s)",
    );
  });

  it("names the broken edge before and in the fault", () => {
    expect(renderMarkdown(fixtures.deviatedSummary())).toContain(
      "| ⚡ payment -> gateway-a (broken) | 135 calls, none failed",
    );
  });

  it("says what explains the change in sight, and lists the findings folded, each with its trace", () => {
    const text = renderMarkdown(fixtures.deviatedSummary());
    const seen = text.slice(0, text.indexOf("<details>"));
    expect(seen).toContain("explains 97 % of the time that was added");
    expect(text).toContain("What the traces show: 5 findings to act on, 3 to know");
    expect(text).toMatch(
      /\| ✗ Retries that multiply calls \| order -> payment: .* \| b1946ac92492d2347c6235b4d2611184 \|/,
    );
  });

  it("lists what began to be logged, and what was logged in the traces that show why, folded", () => {
    const text = renderMarkdown(fixtures.deviatedSummary());
    expect(text).toContain("What began to be logged: 6 kinds of lines");
    expect(text).toContain(
      "| ! warn | payment | the gateway settled nothing: socket hang up | 22 times from 30.1 s on, not after it | b1946ac92492d2347c6235b4d2611184 |",
    );
    expect(text).toContain(
      "**checkout: place order** `b1946ac92492d2347c6235b4d2611184`\n\n| At | Level | Service | What |",
    );
    expect(text).toContain("| \\+9.99 s | ✗ error | gateway | payment-unavailable: order");
    const { logs: _, ...silent } = fixtures.deviatedSummary();
    expect(renderMarkdown(silent)).not.toContain("logged");
  });

  it("shows a witness and its trace", () => {
    const text = renderMarkdown(fixtures.deviatedSummary());
    expect(text).toContain('(trace `6f5902ac237024bdd0c176cb93063dc4`)\n  - `{"from":"payments"');
  });

  it("shows which calls a fault acted on, each with its trace", () => {
    const text = renderMarkdown(fixtures.lostAnswersSummary());
    expect(text).toContain("248 calls matched, 24 drawn, 23 affected; 1 connection could not be read.");
    expect(text).toContain(
      "\n  - POST /payments (match 10): lost the answer 201, reset (trace `0af7651916cd43dd8448eb211c80319c`)",
    );
  });

  it("warns of a fault that touched nothing and of an incomplete record", () => {
    expect(renderMarkdown(fixtures.inconclusiveSummary())).toContain(
      "> [!WARNING]\n> black hole on gateway -> payment",
    );
    expect(renderMarkdown(fixtures.incompleteSummary())).toContain(
      "> [!CAUTION]\n> This record is incomplete",
    );
  });

  it.each(Object.entries(fixtures))(
    "keeps the shape of its tables in %s, whatever the texts hold",
    (_, make) => {
      const shape = (text: string): (number | undefined)[] =>
        text
          .split("\n")
          .map((line) => (line.startsWith("|") ? line.replace(/\\./g, "").split("|").length : undefined));
      const hostileLines = renderMarkdown(hostile(make()));
      expect(shape(hostileLines).filter((cells) => cells !== undefined)).toEqual(
        shape(renderMarkdown(make())).filter((cells) => cells !== undefined),
      );
    },
  );

  it.each(Object.entries(fixtures))("lets no text of the run make a tag or a link in %s", (_, make) => {
    const outsideCode = renderMarkdown(hostile(make()))
      .replace(/^(`{3,}).*?\n[\s\S]*?\n\1$/gm, "")
      .replace(/(?<!\\)(`+)(?!`) [\s\S]*? \1(?!`)/g, "");
    expect(outsideCode).not.toMatch(/<(?!\/?(?:details|summary|sub)>)/);
    expect(outsideCode).not.toMatch(/(?<!\\)\[(?!!WARNING\]|!CAUTION\])/);
  });
});
