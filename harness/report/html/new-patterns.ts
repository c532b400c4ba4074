import { formatDuration } from "../../base/units.ts";
import type { NewPattern } from "../../record/log-excerpt.ts";
import type { Summary } from "../../record/summary.ts";
import { formatCount, formatCounted } from "../figures.ts";
import { isTrouble, levelWord, newPatternsText } from "../log-story.ts";
import { phaseWords } from "../words.ts";
import { markup, type Markup } from "./markup.ts";
import { traceLink } from "./trace-link.ts";

/** Patterns in sight; the others unfold. */
const inSight = 6;

/** What began to be logged in the fault: whoever is woken finds there what the services themselves say is wrong. */
export function newPatternsSection(summary: Summary): Markup | undefined {
  const said = newPatternsText(summary);
  const { logs, run } = summary;
  if (said === undefined || logs === undefined) return undefined;
  const { newPatterns, omittedPatterns, phase } = logs;
  const troubles = newPatterns.filter(isTrouble).slice(0, inSight);
  const others = newPatterns.filter((pattern) => !troubles.includes(pattern));
  return markup`
    <section class="card" aria-labelledby="logs">
      <h2 id="logs">What began to be logged</h2>
      <p class="soft small">${said} ${newPatterns.length > 0 && "Lines of a service that differ only in numbers, ids, times and quoted values are of one kind."}</p>
      ${troubles.length > 0 && markup`<ul class="patterns">${troubles.map((pattern) => patternRow(summary, pattern))}</ul>`}
      ${
        others.length > 0 &&
        markup`<details class="more" ${troubles.length === 0 && "open"}><summary>${othersText(others, troubles.length > 0)}</summary>
        <ul class="patterns">${others.map((pattern) => patternRow(summary, pattern))}</ul></details>`
      }
      ${omittedPatterns > 0 && markup`<p class="soft small">… and ${formatCount(omittedPatterns)} more:</p>`}
      ${newPatterns.length > 0 && markup`<p class="soft small"><code>squall logs ${run.id} --only-during ${phase} --patterns</code></p>`}
    </section>`;
}

function othersText(others: readonly NewPattern[], isMore: boolean): string {
  const troubles = others.filter(isTrouble).length;
  const harmless = others.length - troubles;
  return [
    ...(troubles === 0 ? [] : [`${formatCount(troubles)}${isMore ? " more" : ""} of warnings or worse`]),
    ...(harmless === 0
      ? []
      : [`${formatCounted(harmless, "kind", "kinds")} that ${harmless === 1 ? "is" : "are"} no trouble`]),
  ].join(", ");
}

function patternRow(summary: Summary, { pattern, count, countAfter, first }: NewPattern): Markup {
  const { sign, word, tone } = levelWord(first.level);
  const phase = phaseWords[summary.logs?.phase ?? "fault"];
  return markup`
    <li class="${tone ?? "calm"}"><span class="num times">${formatCount(count)}×</span>
      <span class="level">${sign} ${word}</span>
      <span class="service">${first.service}</span>
      <span class="what"><span class="mono">${pattern}</span>
        <span class="soft small">${first.atMs !== undefined && `first at ${formatDuration(first.atMs)} · `}${countAfter === 0 ? `not after the ${phase}` : markup`<b class="hurt">${formatCount(countAfter)} more after the ${phase}</b>`}${first.traceId !== undefined && [" · ", traceLink(summary, first.traceId)]}</span></span></li>`;
}
