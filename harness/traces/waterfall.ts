import type { TraceSummary } from "../record/summary.ts";
import type { Span } from "../record/span.ts";
import { edgeOf, hasFailed, httpStatusOf, type EdgeByPort } from "./edges.ts";
import type { Trace, TraceNode } from "./trace.ts";

export type WaterfallSpan = TraceSummary["spans"][number];

/**
 * A trace as a flat list for drawing: parents before their children, both by start, times from the trace's first start.
 * Of a trace with more than `maxSpans`, the failed and then the longest spans are kept, each with all its ancestors, and
 * the first line says how many are left out.
 */
export function waterfallOf(trace: Trace, ports: EdgeByPort, maxSpans = 60): WaterfallSpan[] {
  const zeroMs = trace.spans[0]?.startMs ?? 0;
  const shown = choose(trace, maxSpans);
  const lines: WaterfallSpan[] = [];
  for (const { span, depth } of trace.nodes) {
    if (!shown.has(span.spanId)) continue;
    const edge = edgeOf(span, ports);
    const note = noteOf(span);
    lines.push({
      service: span.service,
      name: span.name,
      kind: span.kind,
      ...(edge === undefined ? {} : { edge }),
      depth,
      startMs: span.startMs - zeroMs,
      durationMs: span.endMs - span.startMs,
      isError: hasFailed(span),
      ...(note === undefined ? {} : { note }),
    });
  }
  const [first, ...rest] = lines;
  const leftOut = trace.spans.length - lines.length;
  if (first === undefined || leftOut <= 0) return lines;
  const said = `${leftOut} shorter ${leftOut === 1 ? "span" : "spans"} not shown`;
  return [{ ...first, note: first.note === undefined ? said : `${first.note}; ${said}` }, ...rest];
}

/** Ids of the spans to show: the failed first, then the longest, never one without its ancestors. */
function choose(trace: Trace, maxSpans: number): ReadonlySet<string> {
  const shown = new Set<string>();
  const ranked = trace.nodes.toSorted(
    ({ span: a }, { span: b }) =>
      Number(hasFailed(b)) - Number(hasFailed(a)) ||
      b.endMs - b.startMs - (a.endMs - a.startMs) ||
      a.startMs - b.startMs,
  );
  for (const node of ranked) {
    if (shown.size >= maxSpans) break;
    const branch: string[] = [];
    for (
      let next: TraceNode | undefined = node;
      next !== undefined && !shown.has(next.span.spanId) && shown.size + branch.length <= maxSpans;
      next = next.parent
    )
      branch.push(next.span.spanId);
    if (shown.size + branch.length <= maxSpans) for (const id of branch) shown.add(id);
  }
  return shown;
}

/** Why it failed, or what was answered where that is not plain success. */
function noteOf(span: Span): string | undefined {
  const status = httpStatusOf(span);
  if (span.statusMessage !== undefined) return span.statusMessage;
  if (status !== undefined && status >= 400) return `HTTP ${status}`;
  return hasFailed(span) && span.kind === "client" ? "no whole answer" : undefined;
}
