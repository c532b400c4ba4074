import type { Summary } from "../record/summary.ts";
import {
  errorRatio,
  formatCount,
  formatCounted,
  formatEdgeFigures,
  formatLatency,
  formatSuccess,
  formatUtc,
} from "./figures.ts";
import { levelWord, newPatternsText, offsetText, patternCountText } from "./log-story.ts";
import { printableLine } from "./printable.ts";
import { radiusRows } from "./radius-story.ts";
import {
  affectedCallText,
  faultEvidence,
  faultWindowText,
  incompleteText,
  loadText,
  loadTitle,
  tally,
  targetText,
  telemetryText,
} from "./story.ts";
import { blameScopeText, blameTexts, findingGroups, traceTitle } from "./trace-story.ts";
import { outcomeWords, phaseWords, verdictWords } from "./words.ts";

/** `report.md`: a comment on a pull request, in GitHub's Markdown; the verdict in sight, the rest folded. */
export function renderMarkdown(summary: Summary): string {
  const { verdict, run } = summary;
  const { sign, word, meaning } = verdictWords[verdict.outcome];
  const incomplete = incompleteText(summary);
  const blocks = [
    `## ${sign} ${word}: ${plain(summary.title)}`,
    `**${plain(verdict.headline)}**`,
    list(verdict.reasons.map(plain)),
    ...(incomplete === undefined ? [] : [`> [!CAUTION]\n> ${plain(incomplete)}`]),
    ...summary.faults.flatMap((fault) => {
      const { kind, text } = faultEvidence(fault);
      return kind === "felt" ? [] : [`> [!WARNING]\n> ${plain(`${fault.title}. ${text}`)}`];
    }),
    table(
      ["Done", ""],
      [
        ...summary.faults.map((fault) => ["fault", `${fault.title}, ${faultWindowText(fault)}`]),
        ["load", `${loadTitle(summary)}: ${loadText(summary)}`],
        ["target", targetText(summary)],
      ],
    ),
    table(
      ["Objective", "Outcome", "Measured", "Why"],
      summary.objectives.map(({ title, outcome, measured, why }) => [
        title,
        `${outcomeWords[outcome].sign} ${outcomeWords[outcome].word}`,
        measured,
        why,
      ]),
    ),
    blame(summary),
    findings(summary),
    newPatterns(summary),
    logsOfTraces(summary),
    journeys(summary),
    errors(summary),
    edges(summary),
    faults(summary),
    invariants(summary),
    details("How to repeat this run", [
      code(run.command),
      table(
        ["", ""],
        [
          ["seed", run.seed],
          ["telemetry", telemetryText(summary)],
          ["run", `${run.id}, ${formatUtc(run.startedAtMs)}`],
          ["versions", `Squall ${run.versions.squall}, Node ${run.versions.node}, ${run.versions.platform}`],
        ],
      ),
    ]),
    `<sub>${plain(`${word}: ${meaning}`)} Exit code ${verdict.exitCode}. The whole report is report.html of the run folder.</sub>`,
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function blame({ blame }: Summary): string {
  if (blame === undefined) return "";
  return `**What explains the change**\n\n${list(blameTexts(blame).map(plain))}\n\n<sub>${plain(`${blameScopeText(blame)}.`)}</sub>`;
}

function findings(summary: Summary): string {
  const groups = findingGroups(summary.findings);
  const rows = groups.flatMap(({ title, isProblem, findings }) =>
    findings.map(({ text, count, traceId }) => [
      `${isProblem ? "✗" : "·"} ${title}`,
      text,
      count,
      traceId ?? "",
    ]),
  );
  const whys = groups.map(({ title, why }) => plain(`${title}: ${why}`));
  const found = groups.filter(({ isProblem }) => isProblem).flatMap((group) => group.findings).length;
  return details(
    `What the traces show: ${formatCounted(found, "finding")} to act on, ${formatCount(rows.length - found)} to know`,
    [table(["Kind", "What", "Count", "Trace"], rows), rows.length === 0 ? "" : list(whys)],
  );
}

function newPatterns(summary: Summary): string {
  const said = newPatternsText(summary);
  const { newPatterns = [], omittedPatterns = 0, phase = "fault" } = summary.logs ?? {};
  if (said === undefined) return "";
  if (newPatterns.length === 0) return details("What began to be logged: nothing", [said]);
  const rows = newPatterns.map((one) => [
    levelText(one.first.level),
    one.first.service,
    one.pattern,
    patternCountText(one),
    one.first.traceId ?? "",
  ]);
  return details(
    `What began to be logged: ${formatCounted(newPatterns.length + omittedPatterns, "kind of line", "kinds of lines")}`,
    [
      table(["Level", "Service", "What", "How often", "Trace"], rows),
      code(`squall logs ${summary.run.id} --only-during ${phase} --patterns`),
    ],
  );
}

/** Of the traces that show why an objective was not met: a report of a pull request is to be short. */
function logsOfTraces(summary: Summary): string {
  const named = new Set(
    summary.objectives.filter(({ outcome }) => outcome !== "held").flatMap((objective) => objective.traceIds),
  );
  const shown = (summary.logs?.traces ?? []).filter(({ traceId }) => named.has(traceId)).slice(0, mostLogs);
  const logs = shown.flatMap((log) => {
    const trace = summary.traces.find(({ traceId }) => traceId === log.traceId);
    const rows = log.lines
      .slice(0, mostLogLines)
      .map((line) => [offsetText(log, line), levelText(line.level), line.instance, line.message]);
    const hidden = log.lines.length - rows.length + log.omitted;
    return [
      `**${plain(trace === undefined ? "trace" : traceTitle(trace))}** ${inlineCode(log.traceId)}`,
      table(["At", "Level", "Service", "What"], rows),
      hidden === 0 ? "" : `… and ${formatCount(hidden)} more`,
    ];
  });
  return details("What was logged in the traces that show why", logs);
}

const mostLogs = 2;
const mostLogLines = 10;

function levelText(level: string | undefined): string {
  const { sign, word } = levelWord(level);
  return `${sign} ${word}`;
}

function journeys({ journeys }: Summary): string {
  const rows = journeys.flatMap(({ journey, phases }) =>
    phases.map((figures) => [
      journey,
      phaseWords[figures.phase],
      formatCount(figures.started),
      formatSuccess(figures),
      `${formatCount(figures.fail)} / ${formatCount(figures.unknown)}`,
      formatLatency(figures, "p50Ms"),
      formatLatency(figures, "p95Ms"),
      formatLatency(figures, "p99Ms"),
    ]),
  );
  return details("Journeys by phase", [
    table(["Journey", "Phase", "Started", "Success", "Failed / unknown", "p50", "p95", "p99"], rows),
  ]);
}

function errors({ journeys }: Summary): string {
  // The whole mix comes first and would name every error twice.
  const parts = journeys.length > 1 ? journeys.slice(1) : journeys;
  const rows = parts.flatMap(({ journey, errors }) =>
    errors.map(({ kind, phase, count, example, traceId }) => [
      journey,
      phaseWords[phase],
      kind,
      formatCount(count),
      example,
      traceId ?? "",
    ]),
  );
  return details("Errors by kind", [table(["Journey", "Phase", "Kind", "Count", "Example", "Trace"], rows)]);
}

function edges({ edges }: Summary): string {
  const hurt = edges.filter((edge) => edge.isBroken || (errorRatio(edge.fault) ?? 0) > 0);
  const rows = hurt.map(({ edge, isBroken, baseline, fault }) => [
    isBroken ? `⚡ ${edge} (broken)` : edge,
    formatEdgeFigures(baseline),
    formatEdgeFigures(fault),
  ]);
  return details(`Edges that were hurt (${hurt.length} of ${edges.length})`, [
    table(["Edge", "Baseline", "Fault"], rows),
  ]);
}

function faults(summary: Summary): string {
  const { faults } = summary;
  const radius = radiusRows(summary).map(({ what, planned, touched, isBeyond }) => [
    what,
    planned,
    isBeyond ? `! ${touched}` : touched,
  ]);
  const items = faults.map((fault) => {
    const calls = fault.affectedCalls.map(
      (call) =>
        `\n  - ${plain(affectedCallText(call))}${call.traceId === undefined ? "" : ` (trace ${inlineCode(call.traceId)})`}`,
    );
    return `${plain(`${fault.title}, ${faultWindowText(fault)}. ${faultEvidence(fault).text}`)}${calls.join("")}`;
  });
  return details("Fault evidence", [table(["", "Planned, at most", "Touched"], radius), list(items)]);
}

function invariants({ invariants }: Summary): string {
  const rows = invariants.map(({ title, outcome, checked, violations, why }) => [
    title,
    `${outcomeWords[outcome].sign} ${outcomeWords[outcome].word}`,
    formatCount(checked),
    why ?? (violations === 0 ? "" : formatCounted(violations, "violation")),
  ]);
  const witnesses = invariants.flatMap(({ anomalies }) =>
    anomalies.map(
      ({ message, witness, traceId }) =>
        `${plain(message)}${traceId === undefined ? "" : ` (trace ${inlineCode(traceId)})`}${witness.map((row) => `\n  - ${inlineCode(JSON.stringify(row))}`).join("")}`,
    ),
  );
  const summary = `Consistency: ${tally(invariants.map(({ outcome }) => outcome))}`;
  return details(summary, [table(["Invariant", "Outcome", "Rows", ""], rows), list(witnesses)]);
}

/** @param summary is not escaped: Markdown leaves the line of an HTML tag alone */
function details(summary: string, blocks: readonly string[]): string {
  const filled = blocks.filter((block) => block !== "");
  if (filled.length === 0) return "";
  return `<details><summary>${summary}</summary>\n\n${filled.join("\n\n")}\n\n</details>`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map((cells) => line(cells.map(plain)))].join(
    "\n",
  );
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/**
 * Text that Markdown shows as it is: on one line, every character that could mean something escaped. The empty space
 * after an @ keeps GitHub from telling a stranger.
 */
function plain(text: string): string {
  return printableLine(text)
    .replace(/[&<]/g, (character) => (character === "&" ? "&amp;" : "&lt;"))
    .replace(/[\\`*_{}[\]#|~$]/g, "\\$&")
    .replace(/^(?:[-+=>]|\d+(?=[.)] ))/, (start) => (/\d/.test(start) ? `${start}\\` : `\\${start}`))
    .replace(/@(?=\w)/g, "@\u200b");
}

/** Fenced by more backticks than the text has in a row. */
function code(text: string): string {
  const fence = fenceFor(text, 3);
  return `${fence}sh\n${printableLine(text)}\n${fence}`;
}

function inlineCode(text: string): string {
  const fence = fenceFor(text, 1);
  const line = printableLine(text);
  return fence.length === 1 ? `${fence}${line}${fence}` : `${fence} ${line} ${fence}`;
}

function fenceFor(text: string, least: number): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return "`".repeat(Math.max(least, longest + 1));
}
