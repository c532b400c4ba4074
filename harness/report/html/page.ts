import { createHash } from "node:crypto";
import type { Summary } from "../../record/summary.ts";
import { verdictWords } from "../words.ts";
import { faultSection } from "./fault-evidence.ts";
import { firstScreen } from "./first-screen.ts";
import { graphSection } from "./graph.ts";
import { invariantsSection } from "./invariants.ts";
import { journeysSection } from "./journeys.ts";
import { Markup, markup } from "./markup.ts";
import { repeatSection } from "./repeat.ts";
import { style } from "./style.ts";
import { timelineSection } from "./timeline.ts";
import { tracesSection } from "./waterfall.ts";

/**
 * `report.html`: one file that loads nothing and runs nothing. It has no script and no style attribute, and its policy
 * allows one style sheet, by hash, so that even a string that got through unescaped could do no harm.
 */

const contents: readonly (readonly [string, string])[] = [
  ["timeline", "Timeline"],
  ["journeys", "Journeys"],
  ["graph", "Dependencies"],
  ["faults", "Fault evidence"],
  ["invariants", "Consistency"],
  ["traces", "Worst traces"],
  ["repeat", "How to repeat"],
];

const styleHash = createHash("sha256").update(style).digest("base64");
const policy = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'`;

/** The whole page for one run. */
export function page(summary: Summary): string {
  const { word, sign } = verdictWords[summary.verdict.outcome];
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
        <nav aria-label="Contents"><ul>${contents.map(([id, name]) => markup`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
      </header>
      <main id="main">
        ${timelineSection(summary)}
        ${journeysSection(summary)}
        ${graphSection(summary)}
        ${faultSection(summary)}
        ${invariantsSection(summary)}
        ${tracesSection(summary)}
        ${repeatSection(summary)}
      </main>
      <footer>Written by Squall ${summary.run.versions.squall} from summary.json of run ${summary.run.id}. This page loads nothing from the network.</footer>
    </body>
    </html>`.text
  }\n`;
}
