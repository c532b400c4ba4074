import { formatDuration, formatSize } from "../../base/units.ts";
import type { FaultSummary, Summary } from "../../record/summary.ts";
import { formatCount, formatCounted } from "../figures.ts";
import { faultEvidence } from "../story.ts";
import { markup, type Markup, type MarkupValue } from "./markup.ts";

/** For each fault: what was injected, when and by whom it was undone, and whether anything felt it. */
export function faultSection({ faults }: Summary): Markup {
  return markup`
    <section class="card" aria-labelledby="faults">
      <h2 id="faults">Fault evidence</h2>
      ${faults.length === 0 ? markup`<p class="soft">No fault was planned.</p>` : faults.map(faultFacts)}
    </section>`;
}

function faultFacts(fault: FaultSummary): Markup {
  const { tone, text, kind } = faultEvidence(fault);
  const { injectedMs, undoneMs, undoneBy, undoDurationMs, affected, undoError } = fault;
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
        <dt>Kind and edge</dt><dd>${fault.kind} on ${fault.edge}</dd>
        <dt>Injected</dt><dd>${injectedMs === undefined ? "never" : `at ${formatDuration(injectedMs)}`}</dd>
        <dt>Undone</dt><dd>${undone}</dd>
        ${undoError !== undefined && markup`<dt>Undo failed</dt><dd class="hurt">${undoError}</dd>`}
        <dt>The injector counted</dt><dd>${affected === undefined ? "nothing: its counts are missing" : `${formatCounted(affected.connections, "connection")}, ${formatSize(affected.bytes)}`}</dd>
        <dt>The traces show</dt><dd>${formatCounted(fault.calls, "call")} over the edge while it was broken, ${formatCount(fault.failedCalls)} of them failed</dd>
      </dl>
    </div>`;
}
