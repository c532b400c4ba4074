import { createHash } from "node:crypto";
import type { Summary } from "../../record/summary.ts";
import { verdictWords } from "../words.ts";
import { alertsSection } from "./alerts.ts";
import { blameSection } from "./blame.ts";
import { comparisonSection } from "./comparison.ts";
import { faultSection } from "./fault-evidence.ts";
import { findingsSection } from "./findings.ts";
import { firstScreen } from "./first-screen.ts";
import { graphSection } from "./graph.ts";
import { invariantsSection } from "./invariants.ts";
import { journeysSection } from "./journeys.ts";
import { Markup, markup } from "./markup.ts";
import { newPatternsSection } from "./new-patterns.ts";
import { repeatSection } from "./repeat.ts";
import { style } from "./style.ts";
import { timelineSection } from "./timeline.ts";
import { drawingOf, tracesSection } from "./waterfall.ts";

/**
 * `report.html`: one file that loads nothing and runs nothing. It has no script and no style attribute, and its policy
 * allows one style sheet, by hash, so that even a string that got through unescaped could do no harm.
 */

const styleHash = createHash("sha256").update(style).digest("base64");
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`;

interface Section {
  /** Of its heading. */
  readonly id: string;
  readonly name: string;
  /** Nothing where the run has nothing to say there. */
  readonly content: Markup | undefined;
}

/** First what decided the verdict, then what explains it, then all the figures. */
function sectionsOf(summary: Summary): readonly Section[] {
  const drawing = drawingOf(summary);
  return [
    { id: "timeline", name: "Timeline", content: timelineSection(summary) },
    { id: "alerts", name: "Alerts", content: alertsSection(summary) },
    { id: "blame", name: "What explains the change", content: blameSection(summary) },
    { id: "logs", name: "What began to be logged", content: newPatternsSection(summary) },
    { id: "comparison", name: "Before and in the fault", content: comparisonSection(summary, drawing) },
    { id: "findings", name: "What the traces show", content: findingsSection(summary) },
    { id: "journeys", name: "Journeys", content: journeysSection(summary) },
    { id: "graph", name: "Dependencies", content: graphSection(summary) },
    { id: "faults", name: "Fault evidence", content: faultSection(summary) },
    { id: "invariants", name: "Consistency", content: invariantsSection(summary) },
    { id: "traces", name: "Worst traces", content: tracesSection(summary, drawing) },
    { id: "repeat", name: "How to repeat", content: repeatSection(summary) },
  ];
}

/** The whole page for one run. */
export function page(summary: Summary): string {
  const { word, sign } = verdictWords[summary.verdict.outcome];
  const sections = sectionsOf(summary).filter(({ content }) => content !== undefined);
  return `<!doctype html>\n${
    markup`
    <html lang="en">
    <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="referrer" content="no-referrer">
      <title>${sign} ${word}: ${summary.title} · Squall</title>
      <style>${new Markup(style)}</style>
    </head>
    <body>
      <a class="skip" href="#main">Skip to the evidence</a>
      <header>${firstScreen(summary)}
        <nav aria-label="Contents"><ul>${sections.map(({ id, name }) => markup`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
      </header>
      <main id="main">
        ${sections.map(({ content }) => content)}
      </main>
      <footer>Written by Squall ${summary.run.versions.squall} from summary.json of run ${summary.run.id}. This page loads nothing from the network.</footer>
    </body>
    </html>`.text
  }\n`;
}
