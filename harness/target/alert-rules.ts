import { z } from "zod";
import { checkDocument, parseYamlText, readYamlDocument, type YamlDocument } from "../base/yaml-document.ts";
import {
  conditionsIn,
  promDurationMs,
  rangesIn,
  selectorsIn,
  type Condition,
  type Selector,
} from "./promql.ts";

/**
 * A file of Prometheus' rules, as a target names it: which alerts are in it, and what each of them rests on. What a rule
 * comes to is for Prometheus to say; here is read what to give it, and what to ask.
 */
export interface AlertRules {
  readonly alerts: readonly AlertRule[];
  /** As the file has them, in whose order they are evaluated. */
  readonly groups: readonly RuleGroup[];
  /** The shortest time between two evaluations that a group asks for. */
  readonly everyMs: number;
}

export type RuleGroup = Readonly<z.output<typeof groupSchema>>;

export interface AlertRule {
  readonly name: string;
  readonly expr: string;
  /** What it compares with a number, by itself or joined by `and`, `or` and `unless`; none where it does otherwise. */
  readonly conditions: readonly Condition[];
  /** What it reads of what services export, through all that is recorded in between. */
  readonly selectors: readonly Selector[];
  /** Names of the groups that it rests on, its own among them. */
  readonly groups: readonly string[];
  /** The longest time that it looks back over; 0 where it looks at the present alone. */
  readonly longestWindowMs: number;
}

/** What Prometheus takes where a group does not say. */
const defaultEveryMs = 60_000;

const ruleSchema = z.looseObject({
  alert: z.string().optional(),
  record: z.string().optional(),
  // A query may be a number alone.
  expr: z.union([z.string(), z.number()], { error: "expected a query" }).transform(String),
  labels: z.record(z.string(), z.coerce.string()).default({}),
});
const groupSchema = z.looseObject({
  name: z.string({ error: "expected a name" }),
  interval: z.string().optional(),
  rules: z.array(ruleSchema, { error: "expected a list of rules" }),
});
const rulesSchema = z.object({
  groups: z
    .array(groupSchema, { error: "expected a list of groups" })
    .min(1, { error: "expected at least one group" }),
});
/** A rule, with the name of its group. */
type Rule = z.output<typeof ruleSchema> & { readonly group: string };

const kind = "rule file";

/**
 * Reads a file of rules.
 * @throws {SQUALL_FILE} when it is missing
 * @throws {SQUALL_INVALID_DOCUMENT} when it is no file of rules
 */
export function loadAlertRules(file: string): AlertRules {
  return rulesOf(readYamlDocument(file, kind));
}

/**
 * As {@link loadAlertRules}, of text.
 * @throws {SQUALL_INVALID_DOCUMENT}
 */
export function parseAlertRules(text: string, file: string): AlertRules {
  return rulesOf(parseYamlText(text, file, kind));
}

function rulesOf(document: YamlDocument): AlertRules {
  const { groups } = checkDocument(document, rulesSchema);
  const rules = groups.flatMap((group) => group.rules.map((rule): Rule => ({ ...rule, group: group.name })));
  const recorded = Map.groupBy(
    rules.filter(({ record }) => record !== undefined),
    ({ record = "" }) => record,
  );
  return {
    alerts: rules.flatMap((rule) => (rule.alert === undefined ? [] : [alertOf(rule.alert, rule, recorded)])),
    groups,
    everyMs: Math.min(...groups.map(({ interval = "" }) => promDurationMs(interval) ?? defaultEveryMs)),
  };
}

/** All that an alert reads, in the end: what it names of recordings is what those read. */
function alertOf(name: string, alert: Rule, recorded: ReadonlyMap<string, readonly Rule[]>): AlertRule {
  const selectors: Selector[] = [];
  const rangesMs: number[] = [];
  const seen = new Set<Rule>();
  const read = (rule: Rule): void => {
    if (seen.has(rule)) return; // a recording may name itself
    seen.add(rule);
    rangesMs.push(...rangesIn(rule.expr));
    for (const selector of selectorsIn(rule.expr)) {
      const recordings = recorded.get(selector.metric);
      if (recordings === undefined) selectors.push(selector);
      else for (const one of recordings) if (mayBe(one, selector)) read(one);
    }
  };
  read(alert);
  return {
    name,
    expr: alert.expr,
    conditions: conditionsIn(alert.expr),
    selectors,
    groups: [...new Set([...seen].map(({ group }) => group))],
    longestWindowMs: Math.max(0, ...rangesMs),
  };
}

/** Whether what a rule records may be what a selector asks for. */
function mayBe({ labels }: Rule, { equal }: Selector): boolean {
  return [...equal].every(([label, value]) => labels[label] === undefined || labels[label] === value);
}
