import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logExcerptSchema } from "../record/log-excerpt.ts";
import { readSpans } from "../record/otlp.ts";
import { runFolder } from "../record/run-folder.ts";
import { excerptLogs, type LogExcerptOptions } from "./log-excerpt.ts";
import { checkoutTrace, mailTrace, writeLoggedRun, zeroMs } from "./logged-run.fixture.ts";

let folder: string;
let runs: string;
beforeAll(() => {
  runs = mkdtempSync(join(tmpdir(), "squall-excerpt-"));
  folder = writeLoggedRun(runs);
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

const checkout = { traceId: checkoutTrace, startMs: zeroMs + 13_000 };
const excerpt = (options: Partial<LogExcerptOptions> = {}) =>
  logExcerptSchema.parse(
    excerptLogs(folder, { traces: [checkout], spans: readSpans(runFolder(folder).traces), ...options }),
  );

test("a trace's lines are those of it and of what it led to, with their phase", () => {
  const { traces } = excerpt({ traces: [checkout, { traceId: "ff".repeat(16), startMs: 0 }] });
  expect(traces).toEqual([
    {
      traceId: checkoutTrace,
      startMs: 13_000,
      omitted: 0,
      lines: [
        {
          atMs: 13_250,
          phase: "fault",
          service: "order",
          instance: "order",
          level: "warn",
          message: "no mail yet: notification did not answer: timeout: no answer by the deadline",
          traceId: checkoutTrace,
        },
        expect.objectContaining({ atMs: 13_500, service: "notification", traceId: mailTrace }),
      ],
    },
  ]);
});

test("new in a phase is what was not said before it: warnings and worse first, then by count", () => {
  const { newPatterns, unread, omittedPatterns } = excerpt();
  expect(
    newPatterns.map(({ pattern, count, countAfter, first }) => [first.service, pattern, count, countAfter]),
  ).toEqual([
    ["notification", "a message was not sent yet: ETIMEDOUT", 2, 0],
    ["order-db", "LIMIT must not be negative", 1, 0],
    ["order", "no mail yet: notification did not answer: timeout: no answer by the deadline", 1, 0],
    ["notification", "Error: a crash as Node tells it", 1, 0],
    ["notification", "at send (mailer.ts:<n>)", 1, 0],
    ["order", "gone wrong for good", 1, 0],
  ]);
  expect(omittedPatterns).toBe(0);
  expect(unread).toEqual({ text: 2, cut: 1 });
});

test("however much there is, it is bounded, and what is left out is counted", () => {
  const { traces, newPatterns, omittedPatterns } = excerpt({ mostLines: 1, mostPatterns: 2 });
  expect(traces).toMatchObject([{ lines: [{ service: "order" }], omitted: 1 }]);
  expect([newPatterns.length, omittedPatterns]).toEqual([2, 4]);
});

test("of a trace with too many lines, warnings and worse are shown before the others, by time all the same", () => {
  const chatty = "cc".repeat(16);
  const own = writeLoggedRun(runs, "2026-11-21T10-00-00-chatty");
  const line = (seconds: number, level: string, msg: string): string =>
    JSON.stringify({ level, time: new Date(zeroMs + seconds * 1_000).toISOString(), trace_id: chatty, msg });
  writeFileSync(
    join(runFolder(own).logs, "user.jsonl"),
    `${[line(11, "info", "a"), line(12, "warn", "b"), line(13, "info", "c"), line(14, "error", "d"), line(15, "info", "e")].join("\n")}\n`,
  );
  const { traces } =
    excerptLogs(own, { traces: [{ traceId: chatty, startMs: zeroMs }], spans: [], mostLines: 3 }) ?? {};
  expect(traces).toMatchObject([
    { lines: [{ message: "a" }, { message: "b" }, { message: "d" }], omitted: 2 },
  ]);
});

test("a secret that a service logged does not come into the excerpt; what is still said after the fault is counted", () => {
  const own = writeLoggedRun(runs, "2026-11-21T10-00-00-careless");
  const line = (seconds: number): string =>
    `${JSON.stringify({ time: new Date(zeroMs + seconds * 1_000).toISOString(), trace_id: checkoutTrace, msg: "refused Bearer hush-hush-hush" })}\n`;
  writeFileSync(join(runFolder(own).logs, "legacy.log"), line(13.3) + line(22) + line(31));
  const told = excerptLogs(own, { traces: [checkout], spans: [] });
  expect(JSON.stringify(told)).not.toContain("hush");
  expect(told?.traces[0]?.lines).toContainEqual(
    expect.objectContaining({ service: "legacy", message: "refused Bearer [redacted]" }),
  );
  expect(told?.newPatterns).toContainEqual(
    expect.objectContaining({ pattern: "refused Bearer [redacted]", count: 1, countAfter: 2 }),
  );
});

test("a run without a log has nothing to show, and one that came to no fault has nothing new", () => {
  const silent = writeLoggedRun(runs, "2026-11-21T10-00-00-silent");
  rmSync(runFolder(silent).logs, { recursive: true });
  expect(excerptLogs(silent, { traces: [], spans: [] })).toBeUndefined();
  expect(excerpt({ phase: "warmup" }).newPatterns).toEqual([]);
});
