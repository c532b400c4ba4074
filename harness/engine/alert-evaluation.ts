import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Experiment } from "../experiment/experiment.ts";
import { checkRules, findPromtool } from "../observe/prometheus.ts";
import { readRecordedMetrics } from "../observe/recorded-metrics.ts";
import {
  evaluateRules,
  type RuleEvaluation,
  type RuleEvaluationOptions,
} from "../observe/rule-evaluation.ts";
import type { AlertLog, EvaluatedAlert } from "../record/alert-log.ts";
import { readJournal, type JournalLine } from "../record/journal.ts";
import type { RunFolder } from "../record/run-folder.ts";
import { parseAlertRules, type AlertRule, type AlertRules } from "../target/alert-rules.ts";
import type { Selector } from "../target/promql.ts";
import type { Target } from "../target/target.ts";
import { actualTimeline, find } from "./evidence.ts";

/** The alerts that an experiment names, and what evaluates their rules. */
export interface ExpectedAlerts {
  /** The rules that an alert's name stands for: more than one, where a page and a ticket have one name. */
  readonly byName: ReadonlyMap<string, readonly AlertRule[]>;
  readonly rules: AlertRules;
  readonly text: string;
  /** Of the rules, by its name alone. */
  readonly file: string;
  readonly scale: number;
  readonly promtool: string;
}

/**
 * Finds what an experiment's alerts need, before anything is started; `undefined` where it names none.
 * @param named the program that is promtool, where the user names one
 * @throws {SQUALL_PREFLIGHT} when promtool is not there, or refuses the rules
 * @throws {SQUALL_FILE} when the rules are not there
 */
export async function findAlerts(
  { hypothesis }: Pick<Experiment, "hypothesis">,
  { alerts }: Pick<Target, "alerts">,
  named: string | undefined,
): Promise<ExpectedAlerts | undefined> {
  const names = hypothesis.flatMap((one) =>
    one.kind === "alerts" ? one.alerts.map(({ alert }) => alert) : [],
  );
  if (alerts === undefined || names.length === 0) return undefined;
  const promtool = await findPromtool(named);
  await checkRules(promtool, alerts.rules);
  const text = readFileSync(alerts.rules, "utf8");
  const rules = parseAlertRules(text, alerts.rules);
  return {
    byName: new Map(
      [...new Set(names)].map((name) => [name, rules.alerts.filter((alert) => alert.name === name)]),
    ),
    rules,
    text,
    file: basename(alerts.rules),
    scale: alerts.scale,
    promtool,
  };
}

/**
 * Evaluates the rules over the metrics that the run has left, and keeps what came of them in its folder. What goes wrong is
 * kept there as well: the run is over, and its other evidence stands.
 */
export async function keepAlerts(expected: ExpectedAlerts, folder: RunFolder): Promise<void> {
  writeFileSync(folder.rules, expected.text);
  writeFileSync(folder.alerts, `${JSON.stringify(await alertLog(expected, folder))}\n`);
}

async function alertLog(expected: ExpectedAlerts, folder: RunFolder): Promise<AlertLog> {
  const { rules, file, scale, promtool } = expected;
  const head = { version: 1, rules: file, scale } as const;
  const asked = [...expected.byName].map(([name, alerts]) => askedOf(name, alerts));
  try {
    const metrics = await readRecordedMetrics(folder.scrapes);
    if (metrics.targets.length === 0) throw new Error("the run left no metrics");
    const wanted = Map.groupBy(
      asked.flatMap(({ selectors }) => selectors),
      ({ metric }) => metric,
    );
    const of = {
      promtool,
      // Each group costs as much as all the others; those that nothing rests on are left out.
      groups: rules.groups.filter(({ name }) => asked.some(({ groups }) => groups.has(name))),
      everyMs: rules.everyMs,
      metrics,
      wants: (metric: string, labels: ReadonlyMap<string, string>): boolean =>
        wanted.get(metric)?.some(({ equal }) => hasAll(labels, equal)) === true,
    };
    const questions = asked.flatMap((one) => one.questions);
    const evaluation = await evaluateRules({ ...of, questions });
    const { startMs, everyMs, evaluations } = evaluation;
    const past = pastOf(asked, readJournal(folder.journal).lines, startMs);
    const withPast =
      past &&
      (await evaluateRules({ ...of, past, questions: asked.map(({ name }) => firingQuestion(name)) }));
    const alerts = evaluatedAlerts(asked, evaluation).map((alert, index) => {
      const firingWithPast = withPast?.answers[index];
      return { ...alert, ...(firingWithPast && { firingWithPast: [...firingWithPast] }) };
    });
    return { ...head, startMs, everyMs, evaluations, alerts };
  } catch (error) {
    const { everyMs } = rules;
    return { ...head, startMs: 0, everyMs, evaluations: 0, alerts: [], problem: messageOf(error) };
  }
}

/** The baseline, for as long as a window lacks when the fault begins; `undefined` where none lacks anything. */
function pastOf(
  asked: readonly Asked[],
  journal: readonly JournalLine[],
  startMs: number,
): RuleEvaluationOptions["past"] {
  const baseline = actualTimeline(journal, 0).find(({ phase }) => phase === "baseline");
  const injectedMs = find(journal, "fault-injected")?.atMs;
  const longestMs = Math.max(...asked.map(({ longestWindowMs }) => longestWindowMs));
  if (baseline === undefined || injectedMs === undefined || injectedMs - startMs >= longestMs)
    return undefined;
  return { startMs: baseline.startMs, endMs: baseline.endMs, forMs: longestMs };
}

interface Asked {
  readonly name: string;
  readonly selectors: readonly Selector[];
  readonly conditions: AlertRule["conditions"];
  readonly groups: ReadonlySet<string>;
  readonly longestWindowMs: number;
  /** How many fire, how many series there are, and the value of each condition. */
  readonly questions: readonly string[];
}

function askedOf(name: string, alerts: readonly AlertRule[]): Asked {
  const selectors = alerts.flatMap((alert) => alert.selectors);
  const conditions = alerts.flatMap((alert) => alert.conditions);
  return {
    name,
    selectors,
    conditions,
    groups: new Set(alerts.flatMap((alert) => alert.groups)),
    longestWindowMs: Math.max(...alerts.map((alert) => alert.longestWindowMs)),
    questions: [
      firingQuestion(name),
      `count(${[...new Set(selectors.map(selectorText))].join(" or ") || "vector(1)"})`,
      ...conditions.map(({ expr, comparison }) => `${comparison.startsWith(">") ? "max" : "min"}(${expr})`),
    ],
  };
}

function firingQuestion(name: string): string {
  return `count(ALERTS{alertname="${name}",alertstate="firing"})`;
}

function evaluatedAlerts(asked: readonly Asked[], { answers }: RuleEvaluation): EvaluatedAlert[] {
  let next = 0;
  const take = (): (number | null)[] => [...(answers[next++] ?? [])];
  return asked.map(({ name, conditions, longestWindowMs }) => ({
    name,
    firing: take(),
    series: take(),
    conditions: conditions.map((condition) => ({ ...condition, values: take() })),
    longestWindowMs,
  }));
}

function selectorText({ metric, equal }: Selector): string {
  return `${metric}{${[...equal].map(([label, value]) => `${label}="${value}"`).join(",")}}`;
}

function hasAll(labels: ReadonlyMap<string, string>, equal: ReadonlyMap<string, string>): boolean {
  // To Prometheus a label that is not there is an empty one.
  return [...equal].every(([label, value]) => (labels.get(label) ?? "") === value);
}
