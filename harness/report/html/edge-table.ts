import { formatDuration, formatRatio } from "../../base/units.ts";
import type { EdgeSummary, Summary } from "../../record/summary.ts";
import type { PhaseName } from "../../record/journal.ts";
import { errorRatio, formatCount, formatCounted, formatRate } from "../figures.ts";
import { markup, type Markup } from "./markup.ts";

/** The edges that were hurt, or that nobody declared, in full view, the rest folded away. */
export function edgeTable({ edges, phases }: Summary): Markup {
  const hurt = edges
    .filter((edge) => edge.isBroken || edge.fault.errors > 0 || !edge.isDeclared)
    .toSorted(
      (a, b) =>
        Number(b.isBroken) - Number(a.isBroken) || (errorRatio(b.fault) ?? 0) - (errorRatio(a.fault) ?? 0),
    );
  const calm = edges.filter((edge) => !hurt.includes(edge));
  const secondsOf = (name: PhaseName): number =>
    phases.reduce(
      (sum, { phase, startMs, endMs }) => (phase === name ? sum + (endMs - startMs) / 1_000 : sum),
      0,
    );
  const seconds = { baseline: secondsOf("baseline"), fault: secondsOf("fault") };
  return markup`
    <h3>Edges in figures</h3>
    ${hurt.length === 0 ? markup`<p class="soft">No edge was broken and no call failed.</p>` : edgeRows(hurt, seconds)}
    ${calm.length > 0 && markup`<details class="more"><summary>${formatCounted(calm.length, "edge")} without a failed call</summary>${edgeRows(calm, seconds)}</details>`}`;
}

interface Seconds {
  readonly baseline: number;
  readonly fault: number;
}

function edgeRows(edges: readonly EdgeSummary[], seconds: Seconds): Markup {
  const rows = edges.map((one) => {
    const { edge, isBroken, baseline, fault } = one;
    return markup`
      <tr class="${isBroken && "broken"} start">
        <th scope="row">${edge} ${tagOf(one)}</th>
        <td class="num" data-name="Rate">${change(rateText(baseline, seconds.baseline), rateText(fault, seconds.fault))}</td>
        <td class="num ${fault.errors > 0 && "hurt"}" data-name="Failed">${change(failedText(baseline), failedText(fault))}</td>
        <td class="num" data-name="p50">${change(latencyText(baseline, "p50Ms"), latencyText(fault, "p50Ms"))}</td>
        <td class="num" data-name="p95">${change(latencyText(baseline, "p95Ms"), latencyText(fault, "p95Ms"))}</td>
      </tr>`;
  });
  return markup`
    <div class="wide"><table class="stack edges"><caption>Baseline → fault phase, from the traces. A p50 needs 20 calls, a p95 200.</caption>
      <thead><tr><th scope="col">Edge</th><th scope="col" class="num">Rate</th><th scope="col" class="num">Failed</th><th scope="col" class="num">p50</th><th scope="col" class="num">p95</th></tr></thead>
      <tbody>${rows}</tbody></table></div>`;
}

function tagOf({ isBroken, isDeclared, isStandby, baseline, fault }: EdgeSummary): Markup | undefined {
  if (isBroken) return markup`<span class="tag fault">broken</span>`;
  if (!isDeclared) return markup`<span class="tag warn">not declared</span>`;
  if (baseline.calls + fault.calls > 0) return undefined;
  return markup`<span class="tag plain">${isStandby ? "standby, not called" : "not called"}</span>`;
}

/** A line may break at the arrow, and nowhere else. */
function change(before: string, after: string): string {
  const [from, to] = [before, after].map((text) => text.replaceAll(" ", "\u00a0"));
  return from === to ? (to ?? "") : `${from} → ${to}`;
}

function rateText({ calls }: EdgeSummary["fault"], seconds: number): string {
  return calls === 0 || seconds === 0 ? "no calls" : formatRate(calls / seconds);
}

function failedText(figures: EdgeSummary["fault"]): string {
  const ratio = errorRatio(figures);
  if (ratio === undefined) return "no calls";
  return figures.errors === 0 ? "0" : `${formatCount(figures.errors)} (${formatRatio(ratio)})`;
}

function latencyText(figures: EdgeSummary["fault"], of: "p50Ms" | "p95Ms"): string {
  const ms = figures[of];
  if (ms !== undefined) return formatDuration(ms);
  return figures.calls === 0 ? "no calls" : "too few";
}
