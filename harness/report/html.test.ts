import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { summarySchema, type Summary } from "../record/summary.ts";
import { hostile, hostileText } from "./fixtures/hostile-summary.ts";
import { readMarkup, type ReadElement } from "./fixtures/markup-reader.ts";
import {
  abortedSummary,
  deviatedSummary,
  emptySummary,
  heldSummary,
  incompleteSummary,
  inconclusiveSummary,
  lostAnswersSummary,
} from "./fixtures/shop-summaries.ts";
import { renderHtml } from "./html.ts";
import { verdictWords } from "./words.ts";

const fixtures = {
  held: heldSummary,
  deviated: deviatedSummary,
  inconclusive: inconclusiveSummary,
  aborted: abortedSummary,
  incomplete: incompleteSummary,
  empty: emptySummary,
  "deviated by lost answers": lostAnswersSummary,
};

/** The one thing outside of the page that it may lead to, where it was named. */
function leadsToJaeger({ run }: Summary, href: string): boolean {
  return run.jaeger !== undefined && href.startsWith(`${run.jaeger}/trace/`);
}

function read(summary: Summary): ReadElement[] {
  return readMarkup(renderHtml(summary), "html");
}

function textOf(summary: Summary): string {
  return read(summary)
    .filter(({ name }) => name !== "style")
    .map(({ text }) => text)
    .join(" ")
    .replace(/\s+/g, " ");
}

describe.each(Object.entries(fixtures))("the page of a run that is %s", (_, make) => {
  it("comes from a summary that fits its schema", () => {
    expect(summarySchema.parse(make())).toEqual(make());
  });

  it("is well-formed and says the verdict, the headline and the title", () => {
    const { verdict, title } = make();
    const text = textOf(make());
    for (const said of [verdictWords[verdict.outcome].word, verdict.headline, title, ...verdict.reasons])
      expect(text).toContain(said);
  });

  it("loads nothing and runs nothing", () => {
    const elements = read(make());
    expect(
      elements.filter(({ name }) => /^(script|link|img|iframe|object|embed|base|form)$/.test(name)),
    ).toEqual([]);
    for (const { attributes } of elements)
      for (const [name, value] of Object.entries(attributes)) {
        expect(name).not.toMatch(/^(on|src|style$|action|data$|xlink)/);
        if (name === "href" && !leadsToJaeger(make(), value)) expect(value).toMatch(/^#/);
      }
    const style = elements.find(({ name }) => name === "style")?.text ?? "";
    expect(style).not.toMatch(/url\(|@import|@font-face/);
    const policy = elements.find(({ attributes }) => attributes["http-equiv"] === "Content-Security-Policy");
    const hash = createHash("sha256").update(style).digest("base64");
    expect(policy?.attributes["content"]).toContain(`default-src 'none'; style-src 'sha256-${hash}'`);
  });

  it("can be read without eyes: drawings and tables name their parts, links lead somewhere", () => {
    const elements = read(make());
    const ids = elements.flatMap(({ attributes }) => attributes["id"] ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { name, attributes, path } of elements) {
      if (name === "svg" && !path.includes("svg"))
        expect(
          attributes["aria-hidden"] === "true" ||
            (attributes["role"] === "img" && "aria-label" in attributes),
        ).toBe(true);
      if (name === "th") expect(attributes["scope"]).toMatch(/^(col|row|rowgroup)$/);
      if (name === "a" && !leadsToJaeger(make(), attributes["href"] ?? ""))
        expect(ids).toContain(attributes["href"]?.slice(1));
      if (attributes["aria-labelledby"] !== undefined) expect(ids).toContain(attributes["aria-labelledby"]);
    }
    expect(elements.filter(({ name }) => name === "h1")).toHaveLength(1);
  });

  it("says no undefined, NaN or [object Object]", () => {
    expect(renderHtml(make())).not.toMatch(/undefined|NaN|Infinity|\[object/);
  });

  it("stays a page when every text of the run is hostile", () => {
    const summary = hostile(make());
    expect(summary.title).toBe(hostileText);
    const plain = new Set(read(make()).map(({ name }) => name));
    const elements = read(summary);
    for (const { name, attributes } of elements) {
      expect(plain).toContain(name);
      for (const attribute of Object.keys(attributes)) expect(attribute).not.toMatch(/^on|^src$/);
    }
    expect(renderHtml(summary)).not.toContain("<script");
    expect(elements.find(({ name }) => name === "h1")?.text).toContain("<script>alert('x')</script>");
  });
});

describe("the page", () => {
  it("links an objective to the trace that shows it, and draws that trace", () => {
    const elements = read(deviatedSummary());
    const id = "trace-6f5902ac237024bdd0c176cb93063dc4";
    const links = elements.filter(({ attributes }) => attributes["href"] === `#${id}`);
    // From the objectives on success and consistency, and from the anomaly.
    expect(links).toHaveLength(3);
    const anchor = elements.find(({ attributes }) => attributes["id"] === id);
    // Within the details' content, so that following the link opens it.
    expect(anchor?.path.at(-1)).toBe("details");
  });

  it("names a trace that it does not draw by its whole id, without a link", () => {
    expect(textOf(deviatedSummary())).toContain("0cc175b9c0f1b6a831c399e269772661");
  });

  it("marks the broken edge, and only it, in both drawings of the graph", () => {
    const titles = read(deviatedSummary()).filter(
      ({ name, text }) => name === "title" && text.includes("(broken)"),
    );
    expect(titles.map(({ text }) => text.split("\n")[0])).toEqual(
      Array(2).fill("payment -> gateway-a (broken)"),
    );
    const drawn = renderHtml(deviatedSummary()).match(/<g class="link broken"><title>/g);
    expect(drawn).toHaveLength(2);
  });

  it("grades an edge by the share of its calls that failed in the fault phase", () => {
    const classOf = (edge: string): string | undefined => {
      const source = renderHtml(deviatedSummary());
      const escaped = edge.replace(">", "&gt;");
      return new RegExp(`<g class="link (\\w+)"><title>${escaped}\n`).exec(source)?.[1];
    };
    expect(classOf("gateway -> order")).toBe("many");
    expect(classOf("client -> gateway")).toBe("some");
    expect(classOf("order -> catalog")).toBe("calm");
    expect(classOf("gateway -> payment")).toBe("idle");
  });

  it("refuses a p95 of fewer than 200 and a p99 of fewer than 1,000", () => {
    const summary = deviatedSummary();
    const latency = { p50Ms: 11, p95Ms: 22, p99Ms: 33, maxMs: 44 };
    const phases = [199, 200, 999, 1_000].map((ok) => ({
      phase: "fault" as const,
      started: ok,
      ok,
      fail: 0,
      unknown: 0,
      latency,
    }));
    const text = renderHtml({ ...summary, journeys: [{ journey: "j", phases, errors: [] }] });
    const cells = (name: string): string[] =>
      [...text.matchAll(new RegExp(`data-name="${name}">([^<]*)<`, "g"))]
        .map(([, cell]) => cell ?? "")
        .slice(0, 4);
    expect(cells("p95")).toEqual(["not enough data", "22 ms", "22 ms", "22 ms"]);
    expect(cells("p99")).toEqual(["not enough data", "not enough data", "not enough data", "33 ms"]);
  });

  it("sounds the alarm for a fault that touched nothing", () => {
    const alarms = read(inconclusiveSummary()).filter(
      ({ attributes }) => attributes["class"] === "alarm warn",
    );
    expect(alarms.map(({ text }) => text).join()).toContain("It touched nothing: 0 calls over the edge");
    expect(read(deviatedSummary()).filter(({ attributes }) => attributes["role"] === "note")).toEqual([]);
  });

  it("sounds the alarm for a fault whose undo failed or is not on record", () => {
    const [fault] = deviatedSummary().faults;
    if (fault === undefined) throw new Error("the fixture has a fault");
    const stuck = { ...deviatedSummary(), faults: [{ ...fault, undoError: "connect ECONNREFUSED" }] };
    expect(textOf(stuck)).toContain("It could not be undone: connect ECONNREFUSED");
    expect(textOf(incompleteSummary())).toContain("it may still be in place");
  });

  it("shows what a fault of calls matched, drew and affected, and which calls, linked to the traces it draws", () => {
    const elements = read(lostAnswersSummary());
    const text = textOf(lostAnswersSummary());
    expect(text).toContain("248 calls matched, 24 drawn, 23 affected; 1 connection could not be read");
    expect(text).toContain("The first 10 of 23 calls that it acted on; faults.jsonl has them all");
    const drawn = elements.filter(
      ({ attributes, path }) =>
        attributes["href"] === "#trace-0af7651916cd43dd8448eb211c80319c" && path.includes("table"),
    );
    expect(drawn).toHaveLength(1);
    expect(text).toContain("1af7651916cd43dd8448eb211c80319d"); // not drawn: named whole
    expect(text).toContain("no trace");
  });

  it("draws each trace once, and every finding that names a drawn one links to it", () => {
    const elements = read(deviatedSummary());
    const anchors = elements.flatMap(({ attributes }) =>
      attributes["id"]?.startsWith("trace-") === true ? [attributes["id"]] : [],
    );
    expect(anchors.toSorted()).toEqual(
      deviatedSummary()
        .traces.map(({ traceId }) => `trace-${traceId}`)
        .toSorted(),
    );
    const inFindings = elements.filter(
      ({ name, attributes, path }) =>
        name === "a" &&
        path.includes("li") &&
        path.includes("details") &&
        attributes["href"]?.startsWith("#trace-"),
    );
    expect(inFindings.length).toBeGreaterThanOrEqual(4);
  });

  it("says beside a span of the fault what it took before, only where it changed", () => {
    const was = read(deviatedSummary()).flatMap(({ attributes, text }) =>
      attributes["class"] === "was" ? [text] : [],
    );
    expect(was).toContain("was 58 ms");
    // The inserts, the stock and the commit took as long as ever.
    expect(was).toHaveLength(7);
  });

  it("draws the critical path and the events of a span where they were", () => {
    const elements = read(heldSummary());
    const told = elements.flatMap(({ attributes, text }) =>
      attributes["class"] === "note told" ? [text] : [],
    );
    expect(told).toEqual([
      "◆ retry at 15 ms: callee recommendation, attempt 2, reason refused, backoff 14 ms",
      "◆ fallback served at 33 ms: fallback popular products, reason refused",
    ]);
    const paths = elements.filter(({ attributes }) => attributes["class"] === "path");
    expect(paths.slice(0, 2).map(({ attributes }) => attributes["x"])).toEqual(["2.53%", "30.53%"]);
  });

  it("shows beside a trace what was logged in it: when in the waterfall, how bad, who, what", () => {
    const elements = read(deviatedSummary());
    const text = textOf(deviatedSummary());
    expect(text).toContain("+9.98 s ! warn payment the gateway settled nothing: socket hang up");
    expect(text).toContain("+14.2 s · info order carrying on an order");
    expect(renderHtml(deviatedSummary())).toContain(
      "(after the answer, in trace <code>…5c6d7e8f</code>, linked with it)",
    );
    // The scale ends at 10.1 s, so that what was logged later has no mark.
    const marks = elements.filter(({ attributes }) => attributes["class"]?.startsWith("logged "));
    const ofTimedOut = marks.slice(0, 4).map(({ attributes }) => [attributes["class"], attributes["x"]]);
    expect(ofTimedOut.map(([name]) => name)).toEqual([
      "logged calm",
      "logged warn",
      "logged warn",
      "logged bad",
    ]);
    expect(text).toContain(`… and 3 lines more: squall logs ${deviatedSummary().run.id} --trace 591785b7`);
  });

  it("shows what began to be logged in the fault, trouble in sight, and whether it ended with it", () => {
    const text = textOf(deviatedSummary());
    expect(text).toContain("6 kinds of lines began to be logged in the fault phase.");
    expect(text).toContain("22× ! warn order an order waits for an outcome: payment did not answer");
    expect(renderHtml(deviatedSummary())).toContain(
      'first at 30.1 s · <b class="hurt">1 more after the fault</b>',
    );
    expect(text).toContain("first at 30.1 s · not after the fault");
    const folded = read(deviatedSummary()).filter(
      ({ text, path, attributes }) =>
        attributes["class"] === "mono" && path.includes("details") && text === "carrying on an order",
    );
    expect(folded).toHaveLength(1);
    const { logs, ...silent } = deviatedSummary();
    expect(renderHtml(silent)).not.toContain('id="logs"');
    expect(
      textOf({
        ...silent,
        logs: {
          ...logs,
          phase: "fault",
          traces: [],
          newPatterns: [],
          omittedPatterns: 0,
          unread: { text: 0, cut: 0 },
        },
      }),
    ).toContain("Nothing was logged in the fault phase whose like had not been logged before.");
  });

  it("leaves out what a run has nothing to say of, in the contents too", () => {
    const text = renderHtml(inconclusiveSummary());
    for (const id of ["blame", "comparison", "findings", "logs"]) {
      expect(text).not.toContain(`id="${id}"`);
      expect(text).not.toContain(`href="#${id}"`);
    }
    expect(renderHtml(deviatedSummary())).toContain('href="#comparison"');
  });

  it("draws an edge that nobody declared, and says so in the table", () => {
    const source = renderHtml(deviatedSummary());
    expect(source.match(/<g class="link undeclared"><title>order -&gt; user \(not declared\)/g)).toHaveLength(
      2,
    );
    expect(source).toContain('<span class="tag warn">not declared</span>');
  });

  it("breaks a curve where a bucket has no value, and draws a lone point", () => {
    const point = (startMs: number, successRatio?: number) => ({
      startMs,
      started: 1,
      ...(successRatio === undefined ? {} : { successRatio }),
    });
    const series = {
      bucketMs: 1_000,
      journeys: [{ journey: "j", points: [point(0, 1), point(1_000, 0.9), point(2_000), point(3_000, 1)] }],
    };
    const summary = {
      ...emptySummary(),
      phases: [{ phase: "fault" as const, startMs: 0, endMs: 4_000 }],
      series,
    };
    const path = read(summary).find(({ attributes }) => attributes["class"] === "curve ok")?.attributes["d"];
    expect(path).toBe("M125.0 0.0h0L375.0 100.0M875.0 0.0h0");
  });

  it("is at most 2 MB for a run with many traces of many spans", () => {
    const summary = deviatedSummary();
    const [trace] = summary.traces;
    const [span] = trace?.spans ?? [];
    if (trace === undefined || span === undefined) throw new Error("the fixture has a trace with spans");
    const traces = Array.from({ length: 12 }, (_, index) => ({
      ...trace,
      traceId: `${trace.traceId}-${index}`,
      spans: Array.from({ length: 400 }, () => ({ ...span, note: "a note that says what went wrong here" })),
    }));
    const page = renderHtml({ ...summary, traces });
    expect(Buffer.byteLength(page)).toBeLessThan(2_000_000);
    expect(page).toContain("and 267 more spans, in traces.otlp.jsonl");
  });

  it("is at most 2 MB for as many traces, spans, events, findings and lines of logs as a summary holds", () => {
    const summary = deviatedSummary();
    const [trace] = summary.traces;
    const [span] = trace?.spans ?? [];
    const { findings } = summary;
    if (trace === undefined || span === undefined || findings === undefined)
      throw new Error("the fixture has a trace with spans, and findings");
    const event = { name: "a retry, told at length as services may", atMs: 3, detail: "reason ".repeat(7) };
    const traces = Array.from({ length: 40 }, (_, index) => ({
      ...trace,
      traceId: index.toString(16).padStart(32, "0"),
      spans: Array.from({ length: 60 }, (_, index) => ({
        ...span,
        note: "a note that says what went wrong here",
        path: [{ startMs: index, durationMs: 1 }],
        events: index % 10 === 0 ? Array.from({ length: 8 }, () => event) : [],
      })),
    }));
    const line = {
      atMs: 1,
      phase: "fault" as const,
      service: "notification",
      instance: "notification-2",
      level: "error",
      message: "'a message' ".repeat(25),
      traceId: "f".repeat(32),
    };
    const logs = {
      phase: "fault" as const,
      traces: traces.map(({ traceId }) => ({
        traceId,
        startMs: 0,
        lines: Array.from({ length: 20 }, () => line),
        omitted: 7,
      })),
      newPatterns: Array.from({ length: 20 }, () => ({
        pattern: line.message,
        count: 1,
        countAfter: 0,
        first: line,
      })),
      omittedPatterns: 0,
      unread: { text: 0, cut: 0 },
    };
    const many = <T>(list: readonly T[]): T[] => Array.from({ length: 12 }, () => list).flat();
    const page = renderHtml({
      ...summary,
      traces,
      comparisons: [],
      logs,
      findings: {
        ...findings,
        swallowedErrors: many(findings.swallowedErrors),
        nPlusOne: many(findings.nPlusOne),
        sequentialCalls: many(findings.sequentialCalls),
      },
    });
    expect(Buffer.byteLength(page)).toBeLessThan(2_000_000);
  });
});
