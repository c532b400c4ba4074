import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openMetricsLog } from "../record/metrics-log.ts";
import { readRecordedMetrics } from "./recorded-metrics.ts";
import { evaluateRules, type RuleEvaluationOptions } from "./rule-evaluation.ts";

const promtool = process.env["PROMTOOL"] ?? "/usr/bin/promtool";
const folder = mkdtempSync(join(tmpdir(), "squall-rule-evaluation-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const zeroMs = 1_795_000_000_000;
const seconds = 30;

/** A counter that grows by ten a second from a million on, and a gauge that goes up and down within five seconds. */
async function options(
  questions: readonly string[],
  more: Partial<RuleEvaluationOptions> = {},
): Promise<RuleEvaluationOptions> {
  const file = join(folder, `${(files += 1)}.gz`);
  const log = openMetricsLog(file);
  log.append({ event: "recording-began", version: 1, run: "a-run", everyMs: 1_000 });
  for (let second = 0; second < seconds; second += 1)
    log.append({
      event: "scraped",
      job: "order",
      instance: "order",
      atMs: zeroMs + second * 1_000 + 200,
      durationMs: 1,
      contentType: "text/plain; version=0.0.4",
      body: `# TYPE asked_total counter\nasked_total ${1e6 + second * 10}\n# TYPE level gauge\nlevel ${second % 5}\n`,
    });
  log[Symbol.dispose]();
  return {
    promtool,
    groups: [],
    everyMs: 1_000,
    metrics: await readRecordedMetrics(file),
    wants: () => true,
    questions,
    ...more,
  };
}

const inFiveMinutes = ["sum(increase(asked_total[5m]))", "sum(sum_over_time(level[5m]))", "sum(level)"];

test("each question is answered at each evaluation, with nothing before the first scrape", async () => {
  const { startMs, evaluations, answers } = await evaluateRules(await options(inFiveMinutes));
  expect([startMs, evaluations]).toEqual([zeroMs, seconds]);
  expect(answers.map((values) => values.length)).toEqual([seconds, seconds, seconds]);
  expect(answers[2]?.slice(0, 7)).toEqual([null, 0, 1, 2, 3, 4, 0]);
  // 28 s lie between the first scrape and the last before second 29; increase() goes a little beyond them.
  expect(answers[0]?.at(-1)).toBeGreaterThanOrEqual(280);
  expect(answers[0]?.at(-1)).toBeLessThanOrEqual(300);
});

test("with a past the span goes on before itself: counters grow as in it, gauges repeat, and what was before is left out", async () => {
  const past = { startMs: zeroMs + 10_000, endMs: zeroMs + 20_000, forMs: 300_000 };
  const { startMs, answers } = await evaluateRules(await options(inFiveMinutes, { past }));
  expect(startMs).toBe(zeroMs);
  // Ten a second for 300 s, and two on average, wherever in the run one looks.
  for (const second of [12, 20, 29]) {
    expect(answers[0]?.[second]).toBeGreaterThan(2_980);
    expect(answers[0]?.[second]).toBeLessThan(3_020);
    expect(answers[1]?.[second]).toBe(600);
  }
});

test("a promtool that answers something else is an error that says what it said", async () => {
  await expect(evaluateRules(await options(["level + on ("]))).rejects.toMatchObject({
    code: "SQUALL_UNSUPPORTED",
    message: expect.stringMatching(/was asked 30 questions and answered 0: [^]*parse error/) as string,
  });
  await expect(evaluateRules(await options(["up"], { promtool: "/nonexistent" }))).rejects.toMatchObject({
    code: "SQUALL_UNSUPPORTED",
    message: expect.stringContaining("could not evaluate the rules") as string,
  });
});
