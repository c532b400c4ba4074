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
  /** In the order of the file, in which they are evaluated. */
  readonly groups: readonly string[];
  /** The shortest time between two evaluations that a group asks for. */
  readonly everyMs: number;
}

export interface AlertRule {
  readonly name: string;
  readonly expr: string;
  /** What it compares with a number, by itself or joined by `and`, `or` and `unless`; none where it does otherwise. */
  readonly conditions: readonly Condition[];
  /** What it reads of what services export, through all that is recorded in between. */
  readonly selectors: readonly Selector[];
  /** The longest time that it looks back over; 0 where it looks at the present alone. */
  readonly longestWindowMs: number;
}

/** What Prometheus takes where a group does not say. */
const defaultEveryMs = 60_000;

const ruleSchema = z.object({
  alert: z.string().optional(),
  record: z.string().optional(),
  expr: z.coerce.string({ error: "expected a query" }),
  labels: z.record(z.string(), z.coerce.string()).default({}),
});
const rulesSchema = z.object({
  groups: z
    .array(
      z.object({
        name: z.string({ error: "expected a name" }),
        interval: z.string().optional(),
        rules: z.array(ruleSchema, { error: "expected a list of rules" }),
      }),
      { error: "expected a list of groups" },
    )
    .min(1, { error: "expected at least one group" }),
});
type Rule = z.output<typeof ruleSchema>;

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
  const rules = groups.flatMap((group) => group.rules);
  const recorded = Map.groupBy(
    rules.filter(({ record }) => record !== undefined),
    ({ record = "" }) => record,
  );
  return {
    alerts: rules.flatMap(({ alert, expr }) => {
      if (alert === undefined) return [];
      const { selectors, rangesMs } = restsOn(expr, recorded);
      const longestWindowMs = Math.max(0, ...rangesMs);
      return [{ name: alert, expr, conditions: conditionsIn(expr), selectors, longestWindowMs }];
    }),
    groups: groups.map(({ name }) => name),
    everyMs: Math.min(...groups.map(({ interval = "" }) => promDurationMs(interval) ?? defaultEveryMs)),
  };
}

/** All that a query reads, in the end: what it names of recordings is what those read. */
function restsOn(
  query: string,
  recorded: ReadonlyMap<string, readonly Rule[]>,
): { readonly selectors: readonly Selector[]; readonly rangesMs: readonly number[] } {
  const selectors: Selector[] = [];
  const rangesMs: number[] = [];
  const seen = new Set<string>();
  const read = (expr: string): void => {
    if (seen.has(expr)) return; // a recording may name itself
    seen.add(expr);
    rangesMs.push(...rangesIn(expr));
    for (const selector of selectorsIn(expr)) {
      const recordings = recorded.get(selector.metric);
      if (recordings === undefined) selectors.push(selector);
      else for (const rule of recordings) if (mayBe(rule, selector)) read(rule.expr);
    }
  };
  read(query);
  return { selectors, rangesMs };
}

/** Whether what a rule records may be what a selector asks for. */
function mayBe({ labels }: Rule, { equal }: Selector): boolean {
  return [...equal].every(([label, value]) => labels[label] === undefined || labels[label] === value);
}
