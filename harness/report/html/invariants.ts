import type { Anomaly, InvariantSummary, Summary } from "../../record/summary.ts";
import { formatCount, formatCounted } from "../figures.ts";
import { tally } from "../story.ts";
import { outcomeWords } from "../words.ts";
import { markup, type Markup } from "./markup.ts";
import { tag } from "./tag.ts";
import { traceLink } from "./trace-link.ts";

const worstFirst = ["violated", "unknown", "held"];

/** What must be true of the data after the run, and the rows that prove it is not. */
export function invariantsSection(summary: Summary): Markup {
  const { invariants } = summary;
  const sorted = invariants.toSorted((a, b) => worstFirst.indexOf(a.outcome) - worstFirst.indexOf(b.outcome));
  return markup`
    <section class="card" aria-labelledby="invariants">
      <h2 id="invariants">Consistency</h2>
      ${
        invariants.length === 0
          ? markup`<p class="soft">No invariant was checked.</p>`
          : markup`<p class="soft small">What clients were told against what the stores hold, after the run had settled: ${tally(sorted.map(({ outcome }) => outcome))}.</p>`
      }
      ${sorted.map((invariant) => finding(summary, invariant))}
    </section>`;
}

function finding(
  summary: Summary,
  { title, id, outcome, checked, violations, anomalies, why }: InvariantSummary,
): Markup {
  const more = violations - anomalies.length;
  return markup`
    <div class="finding">
      <div class="head">
        <span>${tag(outcomeWords[outcome])}</span>
        <span><b>${title}</b> <span class="id soft small">${id}</span></span>
        <span class="num soft">${formatCounted(checked, "row")} checked${violations > 0 && `, ${formatCounted(violations, "violation")}`}</span>
      </div>
      ${why !== undefined && markup`<p>${why}</p>`}
      ${anomalies.map((anomaly) => witness(summary, anomaly))}
      ${more > 0 && markup`<p class="soft small">… and ${formatCount(more)} more.</p>`}
    </div>`;
}

function witness(summary: Summary, { message, witness: rows, traceId }: Anomaly): Markup {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cell = (value: Anomaly["witness"][number][string] | undefined): string =>
    value === undefined ? "" : value === null ? "null" : String(value);
  return markup`
    <div class="anomaly">
      <p><b>${message}</b>${traceId !== undefined && [" · ", traceLink(summary, traceId)]}</p>
      ${
        rows.length > 0 &&
        markup`<div class="wide"><table class="stack" aria-label="Witness">
          <thead><tr>${columns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead>
          <tbody>${rows.map((row) => markup`<tr class="start">${columns.map((name) => markup`<td class="mono" data-name="${name}">${cell(row[name])}</td>`)}</tr>`)}</tbody>
        </table></div>`
      }
    </div>`;
}
