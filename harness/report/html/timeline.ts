import { formatDuration, formatRatio } from "../../base/units.ts";
import type { Summary } from "../../record/summary.ts";
import { formatCounted } from "../figures.ts";
import { phaseWords, type Tone } from "../words.ts";
import { markup, percent, type Markup } from "./markup.ts";

/**
 * The run over time. All drawings share one scale and take any width: positions are percentages, and only the curves
 * themselves are stretched.
 *
 *   phases   [warm-up][ baseline ][  fault  ][ recovery ]
 *   success  ──────────────────────╲____╱─────────────── of the whole mix
 *   p95      _____________________╱‾‾‾‾‾╲_______________
 *   events                        ①      ②
 */

type JourneySeries = Summary["series"]["journeys"][number];
type SeriesPoint = JourneySeries["points"][number];

/** Milliseconds since the run's zero -> 0 to 1 of the drawing's width; what came later stands at its end. */
export type Scale = (atMs: number) => number;

interface Curve {
  readonly kind: "ok" | "p95";
  readonly from: number;
  readonly to: number;
  readonly value: (point: SeriesPoint) => number | undefined;
  readonly format: (value: number) => string;
}

/** The events that are marked; all others are only listed. */
const eventTones: ReadonlyMap<string, Tone | "fault"> = new Map([
  ["fault-injected", "fault"],
  ["fault-undone", "good"],
  ["undo-failed", "bad"],
  ["guard-tripped", "stop"],
  ["interrupted", "stop"],
  ["failed", "bad"],
  ["recovered", "good"],
]);

export function timelineSection(summary: Summary): Markup {
  const scale = timeScale(summary);
  const [whole, ...parts] = summary.series.journeys;
  return markup`
    <section class="card" aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <p class="soft small">Seconds since the load began; one point each ${formatDuration(summary.series.bucketMs)}, by
        when a journey was to start. The violet band is the time in which the fault was in place.</p>
      <div class="chart">
        <span></span>${phaseStrip(summary, scale)}
        ${
          whole === undefined || whole.points.length === 0
            ? markup`<p class="name">No journey was started, so there is nothing to draw.</p>`
            : [successCurve, latencyCurve].map((curve) => panel(summary, whole, curve(whole.points), scale))
        }
        ${whole !== undefined && markup`<span></span>${timeAxis(scale)}`}
        <span></span>${eventStrip(summary, scale)}
      </div>
      ${eventList(summary)}
      ${parts.length > 0 && smallMultiples(summary, parts, scale)}
      ${whole !== undefined && whole.points.length > 0 && pointsTable(whole)}
    </section>`;
}

export function timeScale({ phases, series }: Summary): Scale {
  const endMs = Math.max(
    1_000,
    ...phases.map((phase) => phase.endMs),
    ...series.journeys.flatMap(({ points }) => points.map(({ startMs }) => startMs + series.bucketMs)),
  );
  return (atMs) => Math.min(1, Math.max(0, atMs / endMs));
}

export function span(scale: Scale, startMs: number, endMs: number): { x: string; width: string } {
  return { x: percent(scale(startMs)), width: percent(scale(endMs) - scale(startMs)) };
}

function phaseStrip({ phases }: Summary, scale: Scale): Markup {
  const bands = phases.map(({ phase, startMs, endMs }) => {
    const { x, width } = span(scale, startMs, endMs);
    const room = scale(endMs) - scale(startMs);
    const words = `${phaseWords[phase]}, ${formatDuration(startMs)} to ${formatDuration(endMs)}`;
    return markup`
      <g><title>${words}</title>
        <rect class="phase-${phase}" x="${x}" width="${width}" height="22" />
        <line class="divider" x1="${x}" x2="${x}" y1="0" y2="22" />
        ${
          room > 0.06 &&
          markup`<text class="${phase === "fault" && "on-fault"} ${room < 0.16 && "narrow-off"}" x="${percent((scale(startMs) + scale(endMs)) / 2)}" y="15.5" text-anchor="middle">${phaseWords[phase]}</text>`
        }
      </g>`;
  });
  return markup`<svg height="24" role="img" aria-label="Phases of the run">${bands}</svg>`;
}

function successCurve(points: readonly SeriesPoint[]): Curve {
  const lowest = Math.min(1, ...points.map(({ successRatio }) => successRatio ?? 1));
  const from = lowest >= 0.9 ? 0.9 : lowest >= 0.5 ? 0.5 : 0;
  return { kind: "ok", from, to: 1, value: ({ successRatio }) => successRatio, format: formatRatio };
}

function latencyCurve(points: readonly SeriesPoint[]): Curve {
  const highest = Math.max(1, ...points.map(({ p95Ms }) => p95Ms ?? 0));
  return { kind: "p95", from: 0, to: roundUp(highest), value: ({ p95Ms }) => p95Ms, format: formatDuration };
}

/** 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten, and not below the value. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((each) => each * power >= value) ?? 10;
  return step * power;
}

function panel(summary: Summary, series: JourneySeries, curve: Curve, scale: Scale): Markup {
  const name =
    curve.kind === "ok"
      ? markup`Success <span>of all journeys${curve.from > 0 && ` (the axis starts at ${formatRatio(curve.from)})`}</span>`
      : markup`Latency, p95 <span>of all that was sent, from the intended start</span>`;
  const middle = (curve.from + curve.to) / 2;
  return markup`
    <p class="name">${name}</p>
    <div class="axis" aria-hidden="true">${[curve.to, middle, curve.from].map((value) => markup`<span>${curve.format(value)}</span>`)}</div>
    ${plot(summary, series, curve, scale, 110, true)}`;
}

function plot(
  summary: Summary,
  { journey, points }: JourneySeries,
  curve: Curve,
  scale: Scale,
  height: number,
  isDetailed: boolean,
): Markup {
  const { bucketMs } = summary.series;
  const drawn = points.flatMap((point) => curve.value(point) ?? []);
  const what = curve.kind === "ok" ? "success ratio" : "p95 latency";
  const range =
    drawn.length === 0
      ? "no data"
      : `between ${curve.format(Math.min(...drawn))} and ${curve.format(Math.max(...drawn))}`;
  return markup`
    <svg class="plot" height="${height}" role="img" aria-label="${what} of ${journey} over time: ${range}">
      ${[0, 0.5, 1].map((at) => markup`<line class="grid" x1="0" x2="100%" y1="${percent(at)}" y2="${percent(at)}" />`)}
      ${faultBands(summary, scale)}
      <svg width="100%" height="100%" viewBox="0 0 1000 100" preserveAspectRatio="none" overflow="visible">
        <path class="curve ${curve.kind}" d="${curvePath(points, curve, scale, bucketMs)}" />
      </svg>
      ${
        isDetailed &&
        points.map((point) => {
          const { x, width } = span(scale, point.startMs, point.startMs + bucketMs);
          return markup`<rect class="hover" x="${x}" width="${width}" height="100%"><title>${pointText(point)}</title></rect>`;
        })
      }
    </svg>`;
}

/** A line through the buckets' middles, interrupted where a bucket has no value. */
function curvePath(points: readonly SeriesPoint[], curve: Curve, scale: Scale, bucketMs: number): string {
  let isOpen = false;
  const commands = points.flatMap((point) => {
    const value = curve.value(point);
    if (value === undefined) {
      isOpen = false;
      return [];
    }
    const x = (scale(point.startMs + bucketMs / 2) * 1_000).toFixed(1);
    const y = (100 - (100 * (value - curve.from)) / (curve.to - curve.from)).toFixed(1);
    const command = isOpen ? `L${x} ${y}` : `M${x} ${y}h0`;
    isOpen = true;
    return [command];
  });
  return commands.join("");
}

function pointText({ startMs, started, successRatio, p50Ms, p95Ms }: SeriesPoint): string {
  return [
    `${formatDuration(startMs)}: ${formatCounted(started, "journey")} started`,
    ...(successRatio === undefined ? [] : [`success ${formatRatio(successRatio)}`]),
    ...(p50Ms === undefined ? [] : [`p50 ${formatDuration(p50Ms)}`]),
    ...(p95Ms === undefined ? [] : [`p95 ${formatDuration(p95Ms)}`]),
  ].join(", ");
}

/** Where faults were in place; a fault without an undo lasts to the end. */
export function faultBands({ faults }: Summary, scale: Scale): Markup[] {
  return faults.flatMap(({ injectedMs, undoneMs, title }) => {
    if (injectedMs === undefined) return [];
    const { x, width } = span(scale, injectedMs, undoneMs ?? Infinity);
    const sides = [injectedMs, ...(undoneMs === undefined ? [] : [undoneMs])].map((atMs) =>
      percent(scale(atMs)),
    );
    return [
      markup`
        <rect class="band" x="${x}" width="${width}" height="100%"><title>${title}</title></rect>
        ${sides.map((side) => markup`<line class="border" x1="${side}" x2="${side}" y1="0" y2="100%" />`)}`,
    ];
  });
}

export function timeAxis(scale: Scale): Markup {
  const endMs = 1_000 / scale(1_000);
  const stepMs = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600]
    .map((seconds) => seconds * 1_000)
    .find((step) => endMs / step <= 6.5);
  const step = stepMs ?? endMs / 6;
  const ticks = Array.from({ length: Math.floor(endMs / step) + 1 }, (_, index) => index * step);
  return markup`
    <svg height="20" aria-hidden="true">${ticks.map((atMs, index) => {
      const at = scale(atMs);
      const anchor = at > 0.96 ? "end" : at < 0.02 ? "start" : "middle";
      return markup`<line class="grid" x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="4" /><text class="${index % 2 === 1 && "narrow-off"}" x="${percent(at)}" y="16" text-anchor="${anchor}">${formatDuration(atMs)}</text>`;
    })}</svg>`;
}

interface MarkedEvent {
  readonly atMs: number;
  readonly text: string;
  readonly tone: Tone | "fault";
}

function markedEvents({ timeline }: Summary): MarkedEvent[] {
  return timeline.flatMap((each) => {
    const tone = eventTones.get(each.event);
    return tone === undefined ? [] : [{ atMs: each.atMs, text: each.text, tone }];
  });
}

/** Numbered marks, each in the first row in which it stands clear of the one before it. */
function eventStrip(summary: Summary, scale: Scale): Markup | undefined {
  const events = markedEvents(summary);
  if (events.length === 0) return undefined;
  const rowEnds: number[] = [];
  const marks = events.map((event, index) => {
    const at = scale(event.atMs);
    const free = rowEnds.findIndex((end) => at - end > 0.065);
    const row = free === -1 ? rowEnds.length : free;
    rowEnds[row] = at;
    const y = 11 + row * 20;
    return markup`
      <g class="${event.tone}"><title>${formatDuration(event.atMs)}: ${event.text}</title>
        <circle class="mark" cx="${percent(at)}" cy="${y}" r="9" />
        <text class="mark-number" x="${percent(at)}" y="${y + 4}">${index + 1}</text>
      </g>`;
  });
  return markup`<svg height="${rowEnds.length * 20 + 4}" role="img" aria-label="Events, listed below">${marks}</svg>`;
}

function eventList(summary: Summary): Markup {
  const marked = markedEvents(summary).map(
    (event, index) => markup`
      <li><span class="dot ${event.tone}">${index + 1}</span><span class="num">${formatDuration(event.atMs)}</span>
        <span>${event.text}</span></li>`,
  );
  const all = summary.timeline.map(
    ({ atMs, text }) =>
      markup`<li><span></span><span class="num">${formatDuration(atMs)}</span><span>${text}</span></li>`,
  );
  return markup`
    <ol class="events">${marked}</ol>
    ${all.length > 0 && markup`<details class="more"><summary>All ${all.length} events</summary><ol class="events">${all}</ol></details>`}`;
}

function smallMultiples(summary: Summary, parts: readonly JourneySeries[], scale: Scale): Markup {
  const figures = parts.map((series) => {
    const ok = successCurve(series.points);
    const p95 = latencyCurve(series.points);
    return markup`
      <figure>
        <figcaption><b>${series.journey}</b></figcaption>
        <div class="row">success, ${formatRatio(ok.from)} to 100 %</div>
        ${plot(summary, series, ok, scale, 30, false)}
        <div class="row">p95, 0 to ${formatDuration(p95.to)}</div>
        ${plot(summary, series, p95, scale, 44, false)}
      </figure>`;
  });
  return markup`<h3>By journey</h3><div class="multiples">${figures}</div>`;
}

function pointsTable({ points }: JourneySeries): Markup {
  const rows = points.map(
    ({ startMs, started, successRatio, p50Ms, p95Ms }) => markup`
      <tr><th scope="row" class="num">${formatDuration(startMs)}</th><td class="num">${started}</td>
        <td class="num">${successRatio === undefined ? "no data" : formatRatio(successRatio)}</td>
        <td class="num">${p50Ms === undefined ? "no data" : formatDuration(p50Ms)}</td>
        <td class="num">${p95Ms === undefined ? "no data" : formatDuration(p95Ms)}</td></tr>`,
  );
  return markup`
    <details class="more"><summary>These curves as a table</summary>
      <div class="wide"><table><caption>All journeys, by when they were to start</caption>
        <thead><tr>${["From", "Started", "Success", "p50", "p95"].map((name) => markup`<th scope="col" class="num">${name}</th>`)}</tr></thead>
        <tbody>${rows}</tbody></table></div>
    </details>`;
}
