import type { Summary } from "../../record/summary.ts";
import type { TraceBlame } from "../../record/trace-findings.ts";
import { blameScopeText, blameTexts, percent as wholePercent } from "../trace-story.ts";
import { markup, percent, type Markup } from "./markup.ts";
import { traceLink } from "./trace-link.ts";

/** Which edge or service explains what changed from the baseline to the fault; nothing where the run has only one of them. */
export function blameSection(summary: Summary): Markup | undefined {
  const { blame } = summary;
  if (blame === undefined) return undefined;
  const isBlamed = blame.blamed.length > 0;
  return markup`
    <section class="card" aria-labelledby="blame">
      <h2 id="blame">What explains the change</h2>
      ${blameTexts(blame).map((text) => markup`<p class="${isBlamed && "blamed"}">${text}</p>`)}
      ${isBlamed && [shares(summary, blame, "time"), shares(summary, blame, "errors")]}
      <p class="soft small">Baseline → fault: ${blameScopeText(blame)}. A place counts only with what it added by itself,
        so that nobody is blamed for whom they wait for.</p>
    </section>`;
}

const measures = { time: "Of the time that was added", errors: "Of the failures that were added" } as const;

/** A bar for each place that stands out, and one for all others together. */
function shares(
  summary: Summary,
  { blamed }: TraceBlame,
  measure: keyof typeof measures,
): Markup | undefined {
  const rows = blamed.flatMap(({ place, traceIds, [measure]: change }) =>
    change === undefined ? [] : [{ place, share: change.share, traceId: traceIds[0] }],
  );
  if (rows.length === 0) return undefined;
  const rest = Math.max(0, 1 - rows.reduce((sum, { share }) => sum + share, 0));
  const broken = new Set(summary.edges.filter(({ isBroken }) => isBroken).map(({ edge }) => edge));
  return markup`
    <h3>${measures[measure]}</h3>
    <ul class="shares">
      ${rows.map(({ place, share, traceId }) =>
        shareRow(
          markup`<b>${place}</b>${broken.has(place) && markup` <span class="tag fault">broken</span>`}${traceId !== undefined && [" ", traceLink(summary, traceId)]}`,
          share,
          "bad",
        ),
      )}
      ${rest >= 0.005 && shareRow(markup`<span class="soft">all other places, none of them beyond chance</span>`, rest, "rest")}
    </ul>`;
}

function shareRow(name: Markup, share: number, tone: "bad" | "rest"): Markup {
  return markup`
    <li><span>${name}</span>
      <svg height="14" role="img" aria-label="${wholePercent(share)}"><rect class="track" width="100%" height="14" rx="3" /><rect class="share ${tone}" width="${percent(share)}" height="14" rx="3" /></svg>
      <span class="num">${wholePercent(share)}</span></li>`;
}
