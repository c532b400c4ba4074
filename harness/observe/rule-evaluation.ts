import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SquallError, messageOf } from "../base/errors.ts";
import { seriesParts, type FamilyHead } from "./exposition.ts";
import type { RecordedMetrics, RecordedTarget } from "./recorded-metrics.ts";

/**
 * What rules of Prometheus make of a finished run: promtool evaluates them, as it does in unit tests of rules, over the
 * run's own series. So recordings, `for` and `ALERTS` are Prometheus' own, and no server is needed.
 *
 *   RecordedMetrics ─→ input series ──┐
 *   rules ────────────────────────────┼→ promtool test rules ─→ a value a question and evaluation
 *   questions, at each evaluation ────┘
 *
 * Each question is a test that can not pass, so that promtool tells what it got.
 */
export interface RuleEvaluationOptions {
  readonly promtool: string;
  /** Groups of rules, as a file of rules has them, in the order in which they are evaluated. */
  readonly groups: readonly { readonly name: string }[];
  /** Time between two evaluations; promtool has one for all groups. */
  readonly everyMs: number;
  readonly metrics: Pick<RecordedMetrics, "families" | "targets" | "everyMs">;
  /** Which series the rules may ask for; all others are left out. */
  readonly wants: (metric: string, labels: ReadonlyMap<string, string>) => boolean;
  /** Queries that give one value without labels, or nothing: `max(up)`. */
  readonly questions: readonly string[];
  /**
   * What to take for the time before: a span of the run, as if it had gone on for so long before it began, and nothing of what
   * there was before that span. @default only what was recorded
   */
  readonly past?: Span & { readonly forMs: number };
  /** To this a sample's time is rounded: promtool's series have one step for all, and take time by the step. @default 100 */
  readonly stepMs?: number;
}

/** Epoch milliseconds. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

export interface RuleEvaluation {
  /** Of the first evaluation, epoch milliseconds. */
  readonly startMs: number;
  readonly everyMs: number;
  readonly evaluations: number;
  /** By question, in their order: a value an evaluation, null where there is none or none that is finite. */
  readonly answers: readonly (readonly (number | null)[])[];
}

const usualStepMs = 100;
/** Those of a minute of the shop, with 30 questions, take a second. */
const answersWithinMs = 300_000;
const answersLimitBytes = 512_000_000;

/**
 * Evaluates rules over a run's metrics.
 * @throws {SQUALL_UNSUPPORTED} when promtool finds no answer, with what it said
 */
export async function evaluateRules(options: RuleEvaluationOptions): Promise<RuleEvaluation> {
  const { promtool, groups, everyMs, metrics, questions, past, stepMs = usualStepMs } = options;
  const timesMs = metrics.targets.flatMap(({ scrapes }) => scrapes.map(({ atMs }) => atMs));
  if (timesMs.length === 0 || questions.length === 0)
    return { startMs: 0, everyMs, evaluations: 0, answers: questions.map(() => []) };
  const firstMs = timesMs.reduce((least, atMs) => Math.min(least, atMs));
  const lastMs = timesMs.reduce((most, atMs) => Math.max(most, atMs));
  const startMs = Math.floor(firstMs / everyMs) * everyMs;
  const evaluations = Math.floor((lastMs - startMs) / everyMs) + 1;
  /** promtool's zero: as many evaluations before as the past is long. */
  const leadMs = Math.ceil((past?.forMs ?? 0) / everyMs) * everyMs;
  const folder = await mkdtemp(join(tmpdir(), "squall-rules-"));
  try {
    await writeFile(join(folder, "rules.json"), JSON.stringify({ groups })); // JSON is YAML
    const tests = {
      rule_files: ["rules.json"],
      evaluation_interval: `${everyMs}ms`,
      group_eval_order: groups.map(({ name }) => name),
      tests: [
        {
          interval: `${stepMs}ms`,
          input_series: [...inputSeries(options, { startMs: startMs - leadMs, endMs: lastMs })],
          promql_expr_test: questions.flatMap((expr) =>
            Array.from({ length: evaluations }, (_, index) => ({
              expr,
              eval_time: `${leadMs + index * everyMs}ms`,
              exp_samples: [neverSo],
            })),
          ),
        },
      ],
    };
    const file = join(folder, "tests.json");
    await writeFile(file, JSON.stringify(tests));
    const answers = answersIn(await runTests(promtool, file), questions.length * evaluations);
    return {
      startMs,
      everyMs,
      evaluations,
      answers: questions.map((_, index) => answers.slice(index * evaluations, (index + 1) * evaluations)),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** No question gives a label, so that nothing is ever equal to this. */
const neverSo = { labels: '{squall="asks"}', value: 0 };

function* inputSeries(
  { metrics, wants, past, stepMs = usualStepMs }: RuleEvaluationOptions,
  span: Span,
): Generator<{ readonly series: string; readonly values: string }> {
  const momentsOf = new Map(metrics.targets.map((target) => [target, moments(target, span, past)]));
  for (const family of metrics.families)
    for (const { target, series } of family.metrics)
      for (const one of series) {
        const { name, labels } = seriesParts(one.text);
        if (!wants(name, new Map(labels))) continue;
        const valueAt = new Map(one.scrapes.map((scrape, index) => [scrape, one.values[index] as number]));
        const growth = past && isCumulative(name, family) ? growthIn(past, target, valueAt) : 0;
        const told = (momentsOf.get(target) ?? []).map(({ atMs, scrape, periodsAgo }) => {
          const value = valueAt.get(scrape);
          return { atMs, value: value === undefined ? undefined : value - periodsAgo * growth };
        });
        yield { series: one.text, values: valuesText(told, span, stepMs, metrics.everyMs ?? 1_000) };
      }
}

/** A scrape, at its time or as many periods earlier. */
interface Moment {
  readonly atMs: number;
  readonly scrape: number;
  readonly periodsAgo: number;
}

function moments(
  { scrapes }: RecordedTarget,
  { startMs }: Span,
  past: RuleEvaluationOptions["past"],
): readonly Moment[] {
  const recorded = scrapes.map(({ atMs }, scrape): Moment => ({ atMs, scrape, periodsAgo: 0 }));
  if (past === undefined) return recorded;
  const periodMs = past.endMs - past.startMs;
  const since = recorded.filter(({ atMs }) => atMs >= past.startMs);
  const period = since.filter(({ atMs }) => atMs < past.endMs);
  const periods = Math.ceil((past.startMs - startMs) / periodMs);
  const before = Array.from({ length: periods }, (_, index) => periods - index).flatMap((periodsAgo) =>
    period.map(({ atMs, scrape }) => ({ atMs: atMs - periodsAgo * periodMs, scrape, periodsAgo })),
  );
  return [...before.filter(({ atMs }) => atMs >= startMs), ...since];
}

/** Whether samples of a name count from the beginning on. */
function isCumulative(name: string, { type }: FamilyHead): boolean {
  return type === "counter" || /_(?:total|count|sum|bucket)$/.test(name);
}

/** By how much a counter grew in a span, from its first scrape to the first after it. */
function growthIn(
  { startMs, endMs }: Span,
  { scrapes }: RecordedTarget,
  valueAt: ReadonlyMap<number, number>,
): number {
  const first = scrapes.findIndex(({ atMs }) => atMs >= startMs);
  const next = scrapes.findIndex(({ atMs }) => atMs >= endMs);
  return Math.max(0, (valueAt.get(next) ?? 0) - (valueAt.get(first) ?? 0));
}

/** "_x3 7 _x9 8 _x9 stale": where a scrape does not have it any more it is stale at once, as it is to Prometheus. */
function valuesText(
  told: readonly { readonly atMs: number; readonly value: number | undefined }[],
  { startMs, endMs }: Span,
  stepMs: number,
  scrapeEveryMs: number,
): string {
  const said: string[] = [];
  let nextStep = 0;
  const say = (atMs: number, text: string): void => {
    const step = Math.round((atMs - startMs) / stepMs);
    if (step < nextStep) return void (said[said.length - 1] = text); // two within a step: the later one
    if (step > nextStep) said.push(`_x${step - nextStep}`);
    said.push(text);
    nextStep = step + 1;
  };
  let isThere = false;
  for (const { atMs, value } of told) {
    if (value !== undefined) say(atMs, formatValue(value));
    else if (isThere) say(atMs, "stale");
    isThere = value !== undefined;
  }
  // A target that went is scraped no more.
  const goneMs = (told.at(-1)?.atMs ?? endMs) + scrapeEveryMs;
  if (isThere && goneMs + scrapeEveryMs <= endMs) say(goneMs, "stale");
  return said.join(" ");
}

function formatValue(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Inf" : "-Inf";
}

/** @returns what promtool said of tests that fail, as all of ours do */
function runTests(promtool: string, file: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      promtool,
      ["test", "rules", file],
      { timeout: answersWithinMs, maxBuffer: answersLimitBytes },
      (error, _said, told) => {
        if (error === null || error.code === 1) return resolve(told);
        const message = `promtool could not evaluate the rules: ${messageOf(error)}`;
        reject(new SquallError("SQUALL_UNSUPPORTED", message, { cause: error }));
      },
    );
  });
}

/** What it got for each test, in their order. */
function answersIn(told: string, expected: number): readonly (number | null)[] {
  const found = [...told.matchAll(/^ +got: ?(.*)$/gm)].map(([, got = ""]) => got);
  const answers = found.flatMap((got): (number | null)[] => {
    if (got === "nil") return [null];
    const number = /^\{\} ([-+.\w]+)$/.exec(got)?.[1];
    if (number === undefined) return [];
    const value = Number(number);
    return [Number.isFinite(value) ? value : null];
  });
  if (answers.length !== expected)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      `promtool was asked ${expected} questions and answered ${answers.length}: ${told.slice(0, 1_000).trim()}`,
    );
  return answers;
}
