import { formatDuration } from "../../base/units.ts";
import type { FaultSummary, Summary } from "../../record/summary.ts";
import { formatCount, formatCounted } from "../figures.ts";
import { countsText, faultEvidence } from "../story.ts";
import { markup, type Markup, type MarkupValue } from "./markup.ts";
import { radiusTable } from "./radius.ts";
import { traceLink } from "./trace-link.ts";

/** What was to be touched and what was; and for each fault: what was injected, when and by whom it was undone, and whether anything felt it. */
export function faultSection(summary: Summary): Markup {
  const { faults } = summary;
  return markup`
    <section class="card" aria-labelledby="faults">
      <h2 id="faults">Fault evidence</h2>
      ${radiusTable(summary)}
      ${faults.length === 0 ? markup`<p class="soft">No fault was planned.</p>` : faults.map((fault) => [faultFacts(fault), affectedCalls(fault, summary)])}
    </section>`;
}

function faultFacts(fault: FaultSummary): Markup {
  const { tone, text, kind } = faultEvidence(fault);
  const { injectedMs, undoneMs, undoneBy, undoDurationMs, undoError } = fault;
  const isLoud = kind !== "felt";
  const undone: MarkupValue =
    undoneMs === undefined
      ? markup`<b class="hurt">not on record</b>`
      : [
          `at ${formatDuration(undoneMs)}`,
          undoneBy !== undefined && ` by ${undoneBy}`,
          undoDurationMs !== undefined && `, which took ${formatDuration(undoDurationMs)}`,
        ];
  return markup`
    <div class="finding">
      <h3>${fault.title}</h3>
      <p class="${isLoud && `alarm ${tone}`}">${text}</p>
      <dl class="facts">
        ${fault.edge !== undefined && markup`<dt>Kind and edge</dt><dd>${fault.kind} on ${fault.edge}</dd>`}
        <dt>Injected</dt><dd>${injectedMs === undefined ? "never" : `at ${formatDuration(injectedMs)}`}</dd>
        <dt>Undone</dt><dd>${undone}</dd>
        ${undoError !== undefined && markup`<dt>Undo failed</dt><dd class="hurt">${undoError}</dd>`}
        <dt>${fault.shownBy === undefined ? "The injector counted" : "What shows it"}</dt><dd>${countsText(fault)}</dd>
        ${fault.edge !== undefined && markup`<dt>The traces show</dt><dd>${formatCounted(fault.calls, "call")} over the edge while it was broken, ${formatCount(fault.failedCalls)} of them failed</dd>`}
      </dl>
    </div>`;
}

/** The first calls that a fault acted on, each with its trace. */
function affectedCalls(
  { affected, affectedCalls: calls }: FaultSummary,
  summary: Summary,
): Markup | undefined {
  if (calls.length === 0) return undefined;
  const all = Math.max(calls.length, affected?.requests ?? 0);
  const rows = calls.map(
    ({ atMs, request, call, effect, traceId }) => markup`
      <tr>
        <th scope="row"><code>${call}</code></th>
        <td class="num" data-name="Match">${formatCount(request)}</td>
        <td class="num" data-name="At">${formatDuration(atMs)}</td>
        <td data-name="What was done">${effect}</td>
        <td class="full">${traceId === undefined ? markup`<span class="soft">no trace</span>` : traceLink(summary, traceId)}</td>
      </tr>`,
  );
  return markup`
    <table class="stack">
      <caption>${all > calls.length ? `The first ${formatCount(calls.length)} of ${formatCount(all)} calls that it acted on; faults.jsonl has them all` : "The calls that it acted on"}</caption>
      <thead><tr><th scope="col">Call</th><th scope="col" class="num">Match</th><th scope="col" class="num">At</th><th scope="col">What was done</th><th scope="col">Trace</th></tr></thead>
      <tbody>${rows}</tbody>
    </table>`;
}
