import type { Summary } from "../../record/summary.ts";
import { radiusRows } from "../radius-story.ts";
import { markup, type Markup } from "./markup.ts";

/** How far the experiment was to reach, beside how far it came; nothing where no fault was planned. */
export function radiusTable(summary: Summary): Markup | undefined {
  const rows = radiusRows(summary);
  if (rows.length === 0) return undefined;
  return markup`
    <table class="stack radius">
      <caption>The blast radius as planned, and what was touched: services of whose own calls a larger share failed in the fault phase than in the baseline</caption>
      <thead><tr><th scope="col"></th><th scope="col">Planned, at most</th><th scope="col">Touched</th></tr></thead>
      <tbody>${rows.map(
        ({ what, planned, touched, isBeyond }) => markup`
        <tr>
          <th scope="row">${what}</th>
          <td data-name="Planned, at most">${planned}</td>
          <td data-name="Touched" class="${isBeyond && "hurt"}">${touched}</td>
        </tr>`,
      )}</tbody>
    </table>`;
}
