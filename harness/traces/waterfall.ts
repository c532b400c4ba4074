import type { TraceSummary } from "../record/summary.ts";
import { criticalPath } from "./critical-path.ts";
import { edgeOf, httpStatusOf, type EdgeByPort } from "./edges.ts";
import { hasFailed, isLostToHedge } from "./has-failed.ts";
import { toldEvents } from "./told-events.ts";
import type { Trace, TraceNode } from "./trace.ts";

/** Characters: an error's message may be a page. */
const longestNote = 200;

export type WaterfallSpan = TraceSummary["spans"][number];

/**
 * A trace as a flat list for drawing: parents before their children, both by start, times from the trace's first start,
 * each with its events and its stretches of the critical path. Of a trace with more than `maxSpans`, the failed and then
 * the longest spans are kept, each with all its ancestors, and the first line says how many are left out; what a span that
 * is left out has of the critical path goes to the nearest one above it.
 */
export function waterfallOf(trace: Trace, ports: EdgeByPort, maxSpans = 60): WaterfallSpan[] {
  const zeroMs = trace.spans[0]?.startMs ?? 0;
  const shown = choose(trace, maxSpans);
  const paths = pathsOf(trace, shown, zeroMs);
  const lines: WaterfallSpan[] = [];
  for (const node of trace.nodes) {
    const { span, depth } = node;
    if (!shown.has(node)) continue;
    const edge = edgeOf(span, ports);
    const note = noteOf(node);
    const events = toldEvents(span).map((event) => ({ ...event, atMs: event.atMs - zeroMs }));
    const path = paths.get(node);
    lines.push({
      service: span.service,
      name: span.name,
      kind: span.kind,
      ...(edge === undefined ? {} : { edge }),
      depth,
      startMs: span.startMs - zeroMs,
      durationMs: span.endMs - span.startMs,
      isError: hasFailed(node),
      ...(note === undefined ? {} : { note }),
      ...(path === undefined ? {} : { path }),
      ...(events.length === 0 ? {} : { events }),
    });
  }
  const [first, ...rest] = lines;
  const leftOut = trace.spans.length - lines.length;
  if (first === undefined || leftOut <= 0) return lines;
  const said = `${leftOut} shorter ${leftOut === 1 ? "span" : "spans"} not shown`;
  return [{ ...first, note: first.note === undefined ? said : `${first.note}; ${said}` }, ...rest];
}

/** The spans to show: the failed first, then the longest, never one without its ancestors. */
function choose(trace: Trace, maxSpans: number): ReadonlySet<TraceNode> {
  const shown = new Set<TraceNode>();
  const failed = new Set(trace.nodes.filter(hasFailed));
  const ranked = trace.nodes.toSorted(
    (a, b) =>
      Number(failed.has(b)) - Number(failed.has(a)) ||
      b.span.endMs - b.span.startMs - (a.span.endMs - a.span.startMs) ||
      a.span.startMs - b.span.startMs,
  );
  for (const node of ranked) {
    if (shown.size >= maxSpans) break;
    const branch: TraceNode[] = [];
    for (
      let next: TraceNode | undefined = node;
      next !== undefined && !shown.has(next) && shown.size + branch.length <= maxSpans;
      next = next.parent
    )
      branch.push(next);
    if (shown.size + branch.length <= maxSpans) for (const one of branch) shown.add(one);
  }
  return shown;
}

/** By span that is shown: when the root waited for it itself, neighbours joined. */
function pathsOf(
  trace: Trace,
  shown: ReadonlySet<TraceNode>,
  zeroMs: number,
): ReadonlyMap<TraceNode, NonNullable<WaterfallSpan["path"]>> {
  const paths = new Map<TraceNode, NonNullable<WaterfallSpan["path"]>>();
  for (const { node, startMs, endMs } of criticalPath(trace)) {
    let at: TraceNode | undefined = node;
    while (at !== undefined && !shown.has(at)) at = at.parent;
    if (at === undefined) continue;
    const stretches = paths.get(at) ?? [];
    const last = stretches.at(-1);
    if (last !== undefined && last.startMs + last.durationMs >= startMs - zeroMs)
      last.durationMs = endMs - zeroMs - last.startMs;
    else stretches.push({ startMs: startMs - zeroMs, durationMs: endMs - startMs });
    paths.set(at, stretches);
  }
  return paths;
}

/** Why it failed, or what was answered where that is not plain success. */
function noteOf(node: TraceNode): string | undefined {
  const { span } = node;
  const status = httpStatusOf(span);
  if (span.statusMessage !== undefined) return span.statusMessage.slice(0, longestNote);
  if (status !== undefined && status >= 400) return `HTTP ${status}`;
  if (isLostToHedge(node)) return "cancelled: another attempt was answered first";
  return hasFailed(node) && span.kind === "client" ? "no whole answer" : undefined;
}
