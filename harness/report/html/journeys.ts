import type { PhaseFigures, Summary } from "../../record/summary.ts";
import { formatCount, formatLatency, formatSuccess } from "../figures.ts";
import { phaseWords } from "../words.ts";
import { markup, type Markup } from "./markup.ts";
import { traceLink } from "./trace-link.ts";

type Journey = Summary["journeys"][number];

/** Each journey by phase in figures, and what went wrong by kind. */
export function journeysSection(summary: Summary): Markup {
  return markup`
    <section class="card" aria-labelledby="journeys">
      <h2 id="journeys">Journeys</h2>
      ${summary.journeys.length === 0 ? markup`<p class="soft">No journey ended.</p>` : [figuresTable(summary), errorsTable(summary)]}
    </section>`;
}

function figuresTable({ journeys }: Summary): Markup {
  const columns = ["Started", "Success", "Failed", "Unknown", "p50", "p95", "p99"];
  const groups = journeys.map(
    (journey, index) => markup`
      <tbody>${journey.phases.map((figures, row) => phaseRow(journey, index === 0, figures, row))}</tbody>`,
  );
  return markup`
    <p class="soft small">Latency is of all journeys sent, from the intended start. Unknown: the client was never
      told (time-out, reset). A p95 needs 200 samples, a p99 1,000.</p>
    <div class="wide"><table class="stack phases">
      <thead><tr><th scope="col">Journey</th><th scope="col">Phase</th>${columns.map((name) => markup`<th scope="col" class="num">${name}</th>`)}</tr></thead>
      ${groups}
    </table></div>`;
}

function phaseRow(journey: Journey, isWhole: boolean, figures: PhaseFigures, row: number): Markup {
  const { phase, started, fail, unknown } = figures;
  const isHurt = fail + unknown > 0;
  const cells: readonly (readonly [string, string, boolean])[] = [
    ["Started", formatCount(started), false],
    ["Success", formatSuccess(figures), isHurt],
    ["Failed", formatCount(fail), fail > 0],
    ["Unknown", formatCount(unknown), unknown > 0],
    ["p50", formatLatency(figures, "p50Ms"), false],
    ["p95", formatLatency(figures, "p95Ms"), false],
    ["p99", formatLatency(figures, "p99Ms"), false],
  ];
  return markup`
    <tr class="${phase === "fault" && "in-fault"} ${row === 0 && "start"}">
      ${
        row === 0 &&
        markup`<th scope="rowgroup" rowspan="${journey.phases.length}">${journey.journey}${isWhole && markup`<br><span class="soft small">all journeys</span>`}</th>`
      }
      <th scope="row" class="phase">${phaseWords[phase]}</th>
      ${cells.map(([name, text, isBad]) => markup`<td class="num ${isBad && "hurt"} ${text.startsWith("no") && "soft"}" data-name="${name}">${text}</td>`)}
    </tr>`;
}

function errorsTable(summary: Summary): Markup {
  // The whole mix comes first and would name every error twice.
  const parts = summary.journeys.length > 1 ? summary.journeys.slice(1) : summary.journeys;
  const rows = parts.flatMap(({ journey, errors }) =>
    errors.map(
      ({ kind, phase, count, example, traceId }) => markup`
        <tr class="start"><th scope="row">${journey}</th><td data-name="Phase">${phaseWords[phase]}</td>
          <td data-name="Kind"><code>${kind}</code></td><td class="num" data-name="Count">${formatCount(count)}</td>
          <td class="full" data-name="Example"><span>${example}${traceId !== undefined && [" · ", traceLink(summary, traceId)]}</span></td></tr>`,
    ),
  );
  if (rows.length === 0) return markup`<h3>Errors</h3><p class="soft">None: every journey succeeded.</p>`;
  return markup`
    <h3>Errors by kind</h3>
    <div class="wide"><table class="stack">
      <thead><tr><th scope="col">Journey</th><th scope="col">Phase</th><th scope="col">Kind</th>
        <th scope="col" class="num">Count</th><th scope="col">Example</th></tr></thead>
      <tbody>${rows}</tbody></table></div>`;
}
