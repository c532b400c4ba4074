import type { Summary } from "../../record/summary.ts";
import { jaegerUrl } from "../trace-story.ts";
import { markup, type Markup } from "./markup.ts";

/** Where a trace is drawn on the page. An id of hex digits stays as it is; nothing else may reach an anchor. */
export function traceAnchor(traceId: string): string {
  return `trace-${traceId.replace(/[^\w-]/g, "-")}`;
}

/** The trace's last digits (the first are the same in all of a run's): a link to where the page draws it, else into Jaeger, else its whole id, to look it up by. */
export function traceLink(summary: Summary, traceId: string): Markup {
  if (summary.traces.some((trace) => trace.traceId === traceId))
    return markup`<a href="#${traceAnchor(traceId)}" title="trace ${traceId}">trace <code>…${traceId.slice(-8)}</code></a>`;
  const url = jaegerUrl(summary, traceId);
  return url === undefined
    ? markup`<span class="soft">trace <code>${traceId}</code></span>`
    : markup`<a href="${url}" rel="noopener noreferrer">trace <code>${traceId}</code> in Jaeger</a>`;
}
