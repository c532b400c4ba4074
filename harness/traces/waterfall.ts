import type { TraceSummary } from "../record/summary.ts";
import type { Span } from "../record/span.ts";
import { edgeOf, httpStatusOf, isFailedCall, type EdgeByPort } from "./edges.ts";
import type { Trace } from "./trace.ts";

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
  const visit = (span: Span, depth: number): void => {
    if (!shown.has(span.spanId)) return;
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
    for (const child of trace.childrenOf(span.spanId)) visit(child, depth + 1);
  };
  for (const root of trace.roots) visit(root, 0);
  const [first, ...rest] = lines;
  const leftOut = trace.spans.length - lines.length;
  if (first === undefined || leftOut <= 0) return lines;
  const said = `${leftOut} shorter ${leftOut === 1 ? "span" : "spans"} not shown`;
  return [{ ...first, note: first.note === undefined ? said : `${first.note}; ${said}` }, ...rest];
}

/** Ids of the spans to show: the failed first, then the longest, never one without its ancestors. */
function choose(trace: Trace, maxSpans: number): ReadonlySet<string> {
  const byId = new Map(trace.spans.map((span) => [span.spanId, span]));
  const shown = new Set<string>();
  const ranked = trace.spans.toSorted(
    (a, b) => Number(hasFailed(b)) - Number(hasFailed(a)) || b.endMs - b.startMs - (a.endMs - a.startMs),
  );
  for (const span of ranked) {
    const branch = new Set<string>();
    for (
      let next: Span | undefined = span;
      next !== undefined && !shown.has(next.spanId) && !branch.has(next.spanId);
      next = byId.get(next.parentSpanId ?? "")
    )
      branch.add(next.spanId);
    if (shown.size + branch.size <= maxSpans) for (const id of branch) shown.add(id);
  }
  return shown;
}

function hasFailed(span: Span): boolean {
  return span.kind === "client" ? isFailedCall(span) : span.isError;
}

/** Why it failed, or what was answered where that is not plain success. */
function noteOf(span: Span): string | undefined {
  const status = httpStatusOf(span);
  if (span.statusMessage !== undefined) return span.statusMessage;
  if (status !== undefined && status >= 400) return `HTTP ${status}`;
  return hasFailed(span) && span.kind === "client" ? "no whole answer" : undefined;
}
