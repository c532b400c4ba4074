import type { FaultSummary, InvariantSummary, Objective, Summary } from "../record/summary.ts";
import { formatCounted } from "./figures.ts";
import { printable } from "./printable.ts";
import { faultEvidence, incompleteText } from "./story.ts";
import { verdictWords } from "./words.ts";

/**
 * `junit.xml`: one test suite a run; one test case for each objective, invariant and fault, and one for the run itself,
 * so that a run that was aborted or not recovered is never green. What is not held fails; what is not known is an error
 * of type "inconclusive".
 */

interface TestCase {
  readonly group: "objectives" | "invariants" | "faults" | "run";
  readonly name: string;
  readonly problem?: {
    readonly element: "failure" | "error";
    readonly type: string;
    readonly message: string;
    readonly body: readonly string[];
  };
}

export function renderJunit(summary: Summary): string {
  const { run } = summary;
  const evidence = [
    ...summary.objectives.map(objectiveCase),
    ...summary.invariants.map(invariantCase),
    ...summary.faults.map(faultCase),
  ];
  const isExplained = evidence.some(({ problem }) => problem !== undefined);
  const cases = [...evidence, runCase(summary, isExplained)];
  const count = (element: "failure" | "error"): number =>
    cases.filter(({ problem }) => problem?.element === element).length;
  const attributes = {
    name: summary.title,
    tests: cases.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: 0,
    time: seconds(run.endedAtMs - run.startedAtMs),
    timestamp: new Date(run.startedAtMs).toISOString().slice(0, 19),
  };
  const properties = Object.entries({
    verdict: summary.verdict.outcome,
    run: run.id,
    seed: run.seed,
    command: run.command,
    ...Object.fromEntries(Object.entries(run.settings).map(([key, value]) => [`setting.${key}`, value])),
  });
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites${attributesText({ ...attributes, name: "squall" })}>`,
    `  <testsuite${attributesText(attributes)}>`,
    `    <properties>`,
    ...properties.map(([name, value]) => `      <property${attributesText({ name, value })}/>`),
    `    </properties>`,
    ...cases.map((each) => caseText(each, run.file)),
    `  </testsuite>`,
    `</testsuites>`,
    "",
  ].join("\n");
}

function objectiveCase({ title, outcome, measured, why, traceIds }: Objective): TestCase {
  const name = title;
  const body = [measured, why, ...traceIds.map((traceId) => `trace ${traceId}`)];
  const message = `${measured}: ${why}`;
  switch (outcome) {
    case "held":
      return { group: "objectives", name };
    case "deviated":
      return { group: "objectives", name, problem: { element: "failure", type: outcome, message, body } };
    case "inconclusive":
      return { group: "objectives", name, problem: { element: "error", type: outcome, message, body } };
  }
}

function invariantCase({ title, outcome, checked, violations, anomalies, why }: InvariantSummary): TestCase {
  const name = title;
  switch (outcome) {
    case "held":
      return { group: "invariants", name };
    case "violated": {
      const message = `${formatCounted(violations, "violation")} in ${formatCounted(checked, "row")}`;
      const body = anomalies.flatMap(({ message, witness, traceId }) => [
        message,
        ...witness.map((row) => `  ${JSON.stringify(row)}`),
        ...(traceId === undefined ? [] : [`  trace ${traceId}`]),
      ]);
      return { group: "invariants", name, problem: { element: "failure", type: outcome, message, body } };
    }
    case "unknown": {
      const message = why ?? "it could not be checked";
      return {
        group: "invariants",
        name,
        problem: { element: "error", type: "inconclusive", message, body: [] },
      };
    }
  }
}

function faultCase(fault: FaultSummary): TestCase {
  const { kind, text } = faultEvidence(fault);
  const name = `${fault.title} was felt and undone`;
  const group = "faults";
  const problem = { message: text, body: [] };
  switch (kind) {
    case "felt":
      return { group, name };
    case "untouched":
    case "not-injected":
      return { group, name, problem: { element: "error", type: "inconclusive", ...problem } };
    case "in-place":
    case "undo-failed":
      return { group, name, problem: { element: "failure", type: "not-recovered", ...problem } };
  }
}

/** @param isExplained whether another case already shows why the verdict is not `held` */
function runCase(summary: Summary, isExplained: boolean): TestCase {
  const { outcome, headline, reasons } = summary.verdict;
  const name = "the run ended in order";
  const incomplete = incompleteText(summary);
  const body = [verdictWords[outcome].meaning, ...reasons];
  const isCutShort = outcome === "not-recovered" || outcome === "aborted";
  if (isCutShort || (outcome === "deviated" && !isExplained))
    return { group: "run", name, problem: { element: "failure", type: outcome, message: headline, body } };
  if (incomplete !== undefined || (outcome === "inconclusive" && !isExplained)) {
    const message = incomplete ?? headline;
    return { group: "run", name, problem: { element: "error", type: "inconclusive", message, body } };
  }
  return { group: "run", name };
}

function caseText({ group, name, problem }: TestCase, file: string): string {
  const attributes = attributesText({ classname: `squall.${group}`, name, file });
  if (problem === undefined) return `    <testcase${attributes}/>`;
  const { element, type, message, body } = problem;
  return [
    `    <testcase${attributes}>`,
    `      <${element}${attributesText({ type, message })}>${escapeXml(body.join("\n"))}</${element}>`,
    `    </testcase>`,
  ].join("\n");
}

function attributesText(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value)).replace(/\s/g, " ")}"`)
    .join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escapeXml(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

function seconds(durationMs: number): string {
  return (Math.max(0, durationMs) / 1_000).toFixed(3);
}
