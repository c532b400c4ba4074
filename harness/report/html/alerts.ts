import { formatDuration } from "../../base/units.ts";
import type { AlertSummary, Objective, Summary } from "../../record/summary.ts";
import { outcomeWords } from "../words.ts";
import { markup, percent, type Markup } from "./markup.ts";
import { tag } from "./tag.ts";
import { faultBands, span, timeAxis, timeScale, type Scale } from "./timeline.ts";

type Condition = AlertSummary["conditions"][number];

/** What the expected alerts did: each value that a rule compares with a number, beside that number, over the run. */
export function alertsSection(summary: Summary): Markup | undefined {
  const judged = summary.objectives.flatMap((objective) =>
    objective.alert === undefined ? [] : [{ objective, alert: objective.alert }],
  );
  const [first] = judged;
  if (first === undefined) return undefined;
  const { rules, scale, everyMs } = first.alert;
  const scaled =
    scale === 1
      ? "Windows are those of production."
      : `Windows are 1/${scale} of those in production, where an alert that goes by them takes about as many times longer to come.`;
  const drawing = timeScale(summary);
  return markup`
    <section class="card" aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      <p class="soft small">Prometheus' own rules of ${rules}, evaluated by promtool each ${formatDuration(everyMs)} over what
        the services said of themselves. ${scaled} The red band is the time in which the alert fired, the violet one that of
        the fault, the dashed line what the value must pass.</p>
      ${judged.map(({ objective, alert }) => drawingOf(summary, objective, alert, drawing))}
    </section>`;
}

function drawingOf(summary: Summary, objective: Objective, alert: AlertSummary, scale: Scale): Markup {
  return markup`
    <div class="finding">
      <div class="head">
        <span>${tag(outcomeWords[objective.outcome])}</span><b>${objective.title}</b><span>${objective.measured}</span>
      </div>
      <div class="chart">
        ${alert.conditions.length === 0 ? plot(summary, alert, undefined, scale) : alert.conditions.map((condition) => plot(summary, alert, condition, scale))}
        <span></span>${timeAxis(scale)}
      </div>
    </div>`;
}

function plot(summary: Summary, alert: AlertSummary, condition: Condition | undefined, scale: Scale): Markup {
  const top = condition === undefined ? 1 : topOf(condition);
  const fired = alert.firing
    .filter(({ startMs, endMs }) => scale(endMs) > scale(startMs))
    .map(({ startMs, endMs }) => {
      const { x, width } = span(scale, startMs, endMs);
      const title = `fired from ${formatDuration(startMs)} to ${formatDuration(endMs)}`;
      return markup`<rect class="fired" x="${x}" width="${width}" height="100%"><title>${title}</title></rect>`;
    });
  const label =
    condition === undefined
      ? "when it fired"
      : `${condition.expr} over time, beside ${condition.comparison} ${condition.threshold}`;
  const line = condition && percent(1 - condition.threshold / top);
  return markup`
    ${condition && markup`<p class="name"><code>${condition.expr}</code> <span>fires ${condition.comparison} ${condition.threshold}</span></p>`}
    <div class="axis" aria-hidden="true">${condition && [top, 0].map((value) => markup`<span>${Number(value.toPrecision(2))}</span>`)}</div>
    <svg class="plot" height="${condition === undefined ? 20 : 64}" role="img" aria-label="${label}">
      ${fired}${faultBands(summary, scale)}
      ${line !== undefined && markup`<line class="threshold" x1="0" x2="100%" y1="${line}" y2="${line}" />`}
      ${
        condition &&
        markup`<svg width="100%" height="100%" viewBox="0 0 1000 100" preserveAspectRatio="none" overflow="visible">
          <path class="curve" d="${curvePath(alert, condition, top, scale)}" />
        </svg>`
      }
    </svg>`;
}

/** Room for the value and for what it is compared with. */
function topOf({ threshold, values }: Condition): number {
  const most = Math.max(threshold, ...values.filter((value) => value !== null));
  return most > 0 ? most * 1.1 : 1;
}

/** A line from one evaluation to the next, within the load's time, interrupted where there was no value. */
function curvePath(
  { startMs, everyMs }: AlertSummary,
  { values }: Condition,
  top: number,
  scale: Scale,
): string {
  let isOpen = false;
  const commands = values.map((value, index) => {
    const at = scale(startMs + index * everyMs);
    if (value === null || at === 0 || at === 1) {
      isOpen = false;
      return "";
    }
    const command = `${isOpen ? "L" : "M"}${(at * 1_000).toFixed(1)} ${(100 - (100 * value) / top).toFixed(1)}`;
    const text = isOpen ? command : `${command}h0`;
    isOpen = true;
    return text;
  });
  return commands.join("");
}
