import { formatDuration } from "../../base/units.ts";
import type { Summary, TraceSummary } from "../../record/summary.ts";
import { formatCount } from "../figures.ts";
import { markup, percent, type Markup } from "./markup.ts";
import { traceAnchor } from "./trace-link.ts";

type WaterfallSpan = TraceSummary["spans"][number];

/** More rows than this are not drawn: a page is to be read. */
const drawnSpans = 200;
const deepest = 12;
const serviceColours = 8;

/** The traces that show why, span by span. */
export function tracesSection(summary: Summary): Markup {
  const { traces, edges } = summary;
  const services = [...new Set(traces.flatMap(({ spans }) => spans.map(({ service }) => service)))];
  const colourOf = (service: string): string => `s${services.indexOf(service) % serviceColours}`;
  const broken = new Set(edges.filter(({ isBroken }) => isBroken).map(({ edge }) => edge));
  return markup`
    <section class="card" aria-labelledby="traces">
      <h2 id="traces">Worst traces</h2>
      ${traces.length === 0 && markup`<p class="soft">No trace was kept: none arrived, or none stood out.</p>`}
      ${traces.map((trace, index) => waterfall(trace, colourOf, broken, index === 0))}
    </section>`;
}

function waterfall(
  trace: TraceSummary,
  colourOf: (service: string) => string,
  broken: ReadonlySet<string>,
  isOpen: boolean,
): Markup {
  const { traceId, journey, step, completion, status, error, durationMs, spans } = trace;
  const outcome = [completion, ...(status === undefined ? [] : [status])].join(" ");
  const lengthMs = Math.max(0.001, durationMs, ...spans.map((each) => each.startMs + each.durationMs));
  const hidden = spans.length - drawnSpans;
  return markup`
    <details class="trace" ${isOpen && "open"}>
      <summary><b>${journey}: ${step}</b> took <b>${formatDuration(durationMs)}</b> and ended
        <b class="${completion !== "ok" && "hurt"}">${outcome}</b> <span class="soft">· ${trace.why}</span></summary>
      <div class="anchor" id="${traceAnchor(traceId)}">
        <p class="soft small">Trace <code>${traceId}</code>, begun at ${formatDuration(trace.startMs)} of the run.${error !== undefined && ` ${error.kind}: ${error.message}.`}</p>
        ${!trace.isComplete && markup`<p class="alarm warn">This trace is incomplete: its root or a parent that a span names never arrived.</p>`}
        ${
          spans.length === 0
            ? markup`<p class="soft">It has no spans.</p>`
            : markup`<ol class="falls">${scaleRow(lengthMs)}${spans.slice(0, drawnSpans).map((each) => row(each, lengthMs, colourOf, broken))}</ol>`
        }
        ${hidden > 0 && markup`<p class="soft small">… and ${formatCount(hidden)} more spans, in traces.otlp.jsonl.</p>`}
      </div>
    </details>`;
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

function row(
  { service, name, kind, edge, depth, startMs, durationMs, isError, note }: WaterfallSpan,
  lengthMs: number,
  colourOf: (service: string) => string,
  broken: ReadonlySet<string>,
): Markup {
  const from = startMs / lengthMs;
  const to = (startMs + durationMs) / lengthMs;
  const isOverFault = edge !== undefined && broken.has(edge);
  const crosses =
    edge === undefined ? undefined : markup`<span class="crosses">${edge}${isOverFault && " ⚡"}</span>`;
  return markup`
    <li class="d${Math.max(0, Math.min(deepest, depth))} ${colourOf(service)} ${isError && "failed"} ${isOverFault && "over-fault"}">
      <div class="who" title="${service} · ${name} (${kind})"><span class="indent"></span><i class="swatch"></i>
        <span class="service">${isError && "✗ "}${service}</span><span>${name}</span>${crosses !== undefined && markup`<span class="soft">${crosses}</span>`}</div>
      <svg height="18" role="img" aria-label="from ${formatDuration(startMs)}, for ${formatDuration(durationMs)}${isError && ", failed"}">
        <rect class="bar" x="${percent(from)}" y="4" width="${percent(Math.max(0.002, to - from))}" height="10" rx="2" />
      </svg>
      <span class="num took">${formatDuration(durationMs)}</span>
      ${note !== undefined && markup`<span class="note soft">${note}</span>`}
    </li>`;
}
