import type { Summary } from "../../record/summary.ts";
import { formatCount, formatCounted } from "../figures.ts";
import { findingGroups, isNewInFault, type Finding, type FindingGroup } from "../trace-story.ts";
import { markup, percent, type Markup } from "./markup.ts";
import { traceLink } from "./trace-link.ts";

/** What a developer can act on, by kind: why it matters, how often it was, and a trace that shows it. */
export function findingsSection(summary: Summary): Markup | undefined {
  const groups = findingGroups(summary.findings);
  if (groups.length === 0) return undefined;
  const { leftOut } = summary.findings ?? { leftOut: 0 };
  return markup`
    <section class="card" aria-labelledby="findings">
      <h2 id="findings">What the traces show</h2>
      <p class="soft small">Over the whole run; counts are for the baseline and the fault phase. What was there before is
        not the fault's doing, and still worth mending.</p>
      ${groups.map((group) => groupOf(summary, group))}
      ${leftOut > 0 && markup`<p class="soft small">… and ${formatCounted(leftOut, "finding")} more: <code>squall traces ${summary.run.id} --json</code></p>`}
    </section>`;
}

function groupOf(summary: Summary, { title, why, isProblem, findings }: FindingGroup): Markup {
  const fresh = findings.filter(isNewInFault).length;
  return markup`
    <details class="kind" ${isProblem && "open"}>
      <summary><b>${title}</b> <span class="tag ${isProblem ? "bad" : "plain"}">${formatCount(findings.length)}</span>${fresh > 0 && markup` <span class="tag fault">${fresh === findings.length ? "new in the fault" : `${formatCount(fresh)} new in the fault`}</span>`}</summary>
      <p class="soft small">${why}</p>
      <ul class="found">${findings.map((finding) => item(summary, finding))}</ul>
    </details>`;
}

function item(summary: Summary, finding: Finding): Markup {
  const { text, count, traceId, bars } = finding;
  return markup`
    <li><span class="what">${text}</span>
      <span class="soft small">${count}${traceId !== undefined && [" · ", traceLink(summary, traceId)]}</span>
      ${bars.length > 0 && barsOf(bars)}</li>`;
}

/** Lengths against each other, the longest as wide as there is room. */
function barsOf(bars: Finding["bars"]): Markup {
  const longest = Math.max(...bars.map(({ length }) => length), Number.MIN_VALUE);
  return markup`
    <div class="bars">${bars.map(
      ({ label, length, text }) => markup`
      <span class="soft small">${label}</span>
      <svg height="10" aria-hidden="true"><rect class="share rest" width="${percent(Math.max(0.004, length / longest))}" height="10" rx="2" /></svg>
      <span class="num small">${text}</span>`,
    )}</div>`;
}
