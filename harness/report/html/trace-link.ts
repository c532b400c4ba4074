import type { Summary } from "../../record/summary.ts";
import { markup, type Markup } from "./markup.ts";

/** Where a trace is drawn on the page. An id of hex digits stays as it is; nothing else may reach an anchor. */
export function traceAnchor(traceId: string): string {
  return `trace-${traceId.replace(/[^\w-]/g, "-")}`;
}

/** The trace's first digits: a link when the page draws it, else its whole id, to look it up by. */
export function traceLink({ traces }: Summary, traceId: string): Markup {
  return traces.some((trace) => trace.traceId === traceId)
    ? markup`<a href="#${traceAnchor(traceId)}" title="trace ${traceId}">trace <code>${traceId.slice(0, 8)}</code></a>`
    : markup`<span class="soft">trace <code>${traceId}</code></span>`;
}
