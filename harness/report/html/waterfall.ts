import { formatDuration } from "../../base/units.ts";
import type { TraceLog } from "../../record/log-excerpt.ts";
import type { Summary, TraceSummary } from "../../record/summary.ts";
import { formatCount } from "../figures.ts";
import { logOf } from "../log-story.ts";
import { jaegerUrl, traceTitle } from "../trace-story.ts";
import { markup, percent, type Markup } from "./markup.ts";
import { logLines, logRow } from "./trace-log.ts";
import { traceAnchor } from "./trace-link.ts";

type WaterfallSpan = TraceSummary["spans"][number];

/** More rows than these are not drawn: a page is to be read, and to stay under 2 MB. */
const drawnSpans = { ofTrace: 200, ofPage: 1_600 } as const;
const drawnLogLines = 320;
const deepest = 12;
const serviceColours = 8;
/** From here on a span has changed: what is less is chance. */
const changed = { byMs: 5, byShareOfTrace: 0.02, byFactor: 1.5 } as const;

/** How traces are drawn on this page. */
export interface Drawing {
  readonly colourOf: (service: string) => string;
  readonly broken: ReadonlySet<string>;
  readonly jaegerOf: (traceId: string) => string | undefined;
  /** Rows for each trace. */
  readonly mostRows: number;
  readonly logOf: (traceId: string) => TraceLog | undefined;
  /** Lines of its log for each trace. */
  readonly mostLogLines: number;
  /** For `squall logs`. */
  readonly run: string;
  /** What a span took before, where there is something to compare it with; asked once a span, in order. */
  readonly usualMs: (span: WaterfallSpan) => number | undefined;
}

export function drawingOf(summary: Summary): Drawing {
  const { traces, edges, logs } = summary;
  const services = [...new Set(traces.flatMap(({ spans }) => spans.map(({ service }) => service)))];
  const logged = logs?.traces.map(({ lines }) => lines.length) ?? [];
  const isTooMuch = logged.reduce((sum, count) => sum + count, 0) > drawnLogLines;
  return {
    // Who logs has a colour where it has spans.
    colourOf: (service) =>
      services.includes(service) ? `s${services.indexOf(service) % serviceColours}` : "",
    broken: new Set(edges.filter(({ isBroken }) => isBroken).map(({ edge }) => edge)),
    jaegerOf: (traceId) => jaegerUrl(summary, traceId),
    mostRows: Math.min(drawnSpans.ofTrace, Math.floor(drawnSpans.ofPage / Math.max(1, traces.length))),
    logOf: (traceId) => logOf(summary, traceId),
    mostLogLines: isTooMuch ? Math.floor(drawnLogLines / logged.length) : Infinity,
    run: summary.run.id,
    usualMs: () => undefined,
  };
}

/** The traces that show why, span by span; those of the comparison are drawn there. */
export function tracesSection(summary: Summary, drawing: Drawing): Markup {
  const { traces, comparisons } = summary;
  const compared = new Set(comparisons.flatMap(({ before, during }) => [before.traceId, during.traceId]));
  const listed = traces.filter(({ traceId }) => !compared.has(traceId));
  return markup`
    <section class="card" aria-labelledby="traces">
      <h2 id="traces">Worst traces</h2>
      ${
        traces.length === 0
          ? markup`<p class="soft">No trace was kept: none arrived, or none stood out.</p>`
          : markup`<p class="soft small">One row a span. The dark line below a bar is the critical path: when the request waited for this span itself. ◆ is something that happened in it. The last row is when something was logged: ✗ an error, ! a warning, ● anything else.</p>`
      }
      ${listed.map((trace, index) => waterfall(trace, drawing, index === 0 && compared.size === 0))}
    </section>`;
}

function waterfall(trace: TraceSummary, drawing: Drawing, isOpen: boolean): Markup {
  const { completion, status, durationMs, isComplete } = trace;
  const outcome = [completion, ...(status === undefined ? [] : [status])].join(" ");
  return markup`
    <details class="trace" ${isOpen && "open"}>
      <summary><b>${traceTitle(trace)}</b> took <b>${formatDuration(durationMs)}</b> and ended
        <b class="${completion !== "ok" && "hurt"}">${outcome}</b>${!isComplete && markup` <span class="tag warn">incomplete</span>`} <span class="soft">· ${trace.why}</span></summary>
      ${drawnTrace(trace, drawing)}
    </details>`;
}

/** One trace as a waterfall, with what is to be said of it; links to it lead here. */
export function drawnTrace(trace: TraceSummary, drawing: Drawing): Markup {
  const { traceId, error, durationMs, spans, whyIncomplete } = trace;
  const lengthMs = Math.max(0.001, durationMs, ...spans.map((each) => each.startMs + each.durationMs));
  const hidden = spans.length - drawing.mostRows;
  const jaeger = drawing.jaegerOf(traceId);
  const log = drawing.logOf(traceId);
  const logDrawing = { ...drawing, lengthMs, mostLines: drawing.mostLogLines };
  return markup`
    <div class="anchor" id="${traceAnchor(traceId)}">
      <p class="soft small">Trace <code>${traceId}</code>, begun at ${formatDuration(trace.startMs)} of the run.${error !== undefined && ` ${error.kind}: ${error.message}.`}${jaeger !== undefined && markup` <a href="${jaeger}" rel="noopener noreferrer">Open it in Jaeger</a>`}</p>
      ${!trace.isComplete && markup`<p class="alarm warn">This trace is incomplete: ${whyIncomplete ?? "its root or a parent that a span names never arrived"}.</p>`}
      ${
        spans.length === 0
          ? markup`<p class="soft">It has no spans.</p>`
          : markup`<ol class="falls">${scaleRow(lengthMs)}${spans.slice(0, drawing.mostRows).map((each) => row(each, lengthMs, drawing))}${log !== undefined && logRow(log, logDrawing)}</ol>`
      }
      ${hidden > 0 && markup`<p class="soft small">… and ${formatCount(hidden)} more spans, in traces.otlp.jsonl.</p>`}
      ${log !== undefined && logLines(log, logDrawing)}
    </div>`;
}

function scaleRow(lengthMs: number): Markup {
  const ticks = [
    { at: 0, anchor: "start" },
    { at: 0.5, anchor: "middle" },
    { at: 1, anchor: "end" },
  ];
  return markup`
    <li class="scale" aria-hidden="true"><span></span><svg height="16" aria-hidden="true">${ticks.map(({ at, anchor }) => markup`<text x="${percent(at)}" y="12" text-anchor="${anchor}">${formatDuration(lengthMs * at)}</text>`)}</svg><span></span></li>`;
}

function row(span: WaterfallSpan, lengthMs: number, { colourOf, broken, usualMs }: Drawing): Markup {
  const {
    service,
    name,
    kind,
    edge,
    depth,
    startMs,
    durationMs,
    isError,
    note,
    path = [],
    events = [],
  } = span;
  const from = startMs / lengthMs;
  const to = (startMs + durationMs) / lengthMs;
  const isOverFault = edge !== undefined && broken.has(edge);
  const crosses =
    edge === undefined ? undefined : markup`<span class="crosses">${isOverFault && "⚡ "}${edge}</span>`;
  const beforeMs = usualMs(span);
  const hasChanged =
    beforeMs !== undefined &&
    durationMs - beforeMs > Math.max(changed.byMs, changed.byShareOfTrace * lengthMs) &&
    durationMs > changed.byFactor * beforeMs;
  const pathMs = path.reduce((sum, each) => sum + each.durationMs, 0);
  return markup`
    <li class="d${Math.max(0, Math.min(deepest, depth))} ${colourOf(service)} ${isError && "failed"} ${isOverFault && "over-fault"} ${edge !== undefined && "has-edge"}">
      <div class="who" title="${service} · ${name} (${kind})"><span class="indent"></span><i class="swatch"></i>
        ${isError && markup`<b>✗</b>`}<span class="service">${service}</span><span class="name">${name}</span>${crosses !== undefined && markup`<span class="soft">${crosses}</span>`}</div>
      <svg height="18" role="img" aria-label="from ${formatDuration(startMs)}, for ${formatDuration(durationMs)}${isError && ", failed"}${pathMs > 0 && `, ${formatDuration(pathMs)} of it on the critical path`}">
        <rect class="bar" x="${percent(from)}" y="3" width="${percent(Math.max(0.002, to - from))}" height="10" rx="2" />
        ${path.map((each) => markup`<rect class="path" x="${percent(each.startMs / lengthMs)}" y="14" width="${percent(Math.max(0.002, each.durationMs / lengthMs))}" height="3" />`)}
        ${events.map(({ name: event, atMs, detail }) => markup`<text class="event" x="${percent(atMs / lengthMs)}" y="12" text-anchor="middle">◆<title>${eventText(event, atMs, detail)}</title></text>`)}
      </svg>
      <span class="num took">${formatDuration(durationMs)}${hasChanged && markup`<br><span class="was">was ${formatDuration(beforeMs)}</span>`}</span>
      ${note !== undefined && markup`<span class="note soft">${note}</span>`}
      ${events.map(({ name: event, atMs, detail }) => markup`<span class="note told">◆ ${eventText(event, atMs, detail)}</span>`)}
    </li>`;
}

/** "retry at 41 ms: attempt 2, reason timeout". */
function eventText(name: string, atMs: number, detail: string | undefined): string {
  return `${name} at ${formatDuration(atMs)}${detail === undefined ? "" : `: ${detail}`}`;
}
