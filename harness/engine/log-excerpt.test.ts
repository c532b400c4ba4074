import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logExcerptSchema } from "../record/log-excerpt.ts";
import { readSpans } from "../record/otlp.ts";
import { runFolder } from "../record/run-folder.ts";
import { excerptLogs } from "./log-excerpt.ts";
import { checkoutTrace, mailTrace, writeLoggedRun } from "./logged-run.fixture.ts";

let folder: string;
let runs: string;
beforeAll(() => {
  runs = mkdtempSync(join(tmpdir(), "squall-excerpt-"));
  folder = writeLoggedRun(runs);
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

const excerpt = (options: { mostLines?: number; mostPatterns?: number; traceIds?: readonly string[] } = {}) =>
  excerptLogs(folder, { traceIds: [checkoutTrace], spans: readSpans(runFolder(folder).traces), ...options });

test("a trace's lines are those of it and of what it led to, with their phase", () => {
  const { traces } = logExcerptSchema.parse(excerpt({ traceIds: [checkoutTrace, "ff".repeat(16)] }));
  expect(traces).toEqual([
    {
      traceId: checkoutTrace,
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
  expect(newPatterns.map(({ pattern, count, first }) => [first.service, pattern, count])).toEqual([
    ["notification", "a message was not sent yet: ETIMEDOUT", 2],
    ["order-db", "LIMIT must not be negative", 1],
    ["order", "no mail yet: notification did not answer: timeout: no answer by the deadline", 1],
    ["notification", "Error: a crash as Node tells it", 1],
    ["notification", "at send (mailer.ts:<n>)", 1],
    ["order", "gone wrong for good", 1],
  ]);
  expect(omittedPatterns).toBe(0);
  expect(unread).toEqual({ text: 2, cut: 1 });
});

test("however much there is, it is bounded, and what is left out is counted", () => {
  const { traces, newPatterns, omittedPatterns } = excerpt({ mostLines: 1, mostPatterns: 2 });
  expect(traces).toMatchObject([{ lines: [{ service: "order" }], omitted: 1 }]);
  expect([newPatterns.length, omittedPatterns]).toEqual([2, 4]);
});
