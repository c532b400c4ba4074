import { formatDuration } from "../../base/units.ts";
import type { Summary, TraceSummary } from "../../record/summary.ts";
import type { TraceComparison } from "../../record/trace-findings.ts";
import { formatCount, formatCounted } from "../figures.ts";
import { markup, percent, type Markup } from "./markup.ts";
import { drawnTrace, type Drawing } from "./waterfall.ts";

/** The same step before and in the fault, side by side where there is room; nothing where no step got worse. */
export function comparisonSection(summary: Summary, drawing: Drawing): Markup | undefined {
  const pairs = summary.comparisons.flatMap((comparison) => {
    const [before, during] = [comparison.before, comparison.during].map(({ traceId }) =>
      summary.traces.find((trace) => trace.traceId === traceId),
    );
    return before === undefined || during === undefined ? [] : [{ comparison, before, during }];
  });
  if (pairs.length === 0) return undefined;
  return markup`
    <section class="card" aria-labelledby="comparison">
      <h2 id="comparison">Before and in the fault</h2>
      <p class="soft small">The same step twice: as it usually was, and at its worst. Each drawing has its own scale; the
        bars above them share one. <b>was</b> says what the same span took before.</p>
      ${pairs.map(({ comparison, before, during }, index) => pairOf(comparison, before, during, drawing, index === 0))}
    </section>`;
}

function pairOf(
  { journey, step, before, during }: TraceComparison,
  usual: TraceSummary,
  worst: TraceSummary,
  drawing: Drawing,
  isOpen: boolean,
): Markup {
  const longestMs = Math.max(usual.durationMs, worst.durationMs, 0.001);
  const usualMs = usualDurations(usual);
  const side = (title: string, trace: TraceSummary, body: Markup): Markup => markup`
    <div class="side">
      <h3>${title}: <span class="${trace.completion !== "ok" && "hurt"}">${formatDuration(trace.durationMs)}${trace.completion !== "ok" && `, ${trace.completion}`}</span></h3>
      <svg height="8" aria-hidden="true"><rect class="track" width="100%" height="8" rx="2" /><rect class="share ${trace === worst ? "bad" : "rest"}" width="${percent(trace.durationMs / longestMs)}" height="8" rx="2" /></svg>
      ${body}
    </div>`;
  return markup`
    <details class="trace" ${isOpen && "open"}>
      <summary><b>${journey}: ${step}</b>, ${comparedText(before)} in the baseline → ${comparedText(during)} in the fault</summary>
      <div class="pair">
        ${side("The median of the baseline", usual, drawnTrace(usual, drawing))}
        ${side("The worst of the fault", worst, drawnTrace(worst, { ...drawing, usualMs }))}
      </div>
    </details>`;
}

/** What each span of a trace took, by what it is and which of its like. */
function usualDurations({ spans }: TraceSummary): Drawing["usualMs"] {
  const durations = new Map<string, number[]>();
  for (const span of spans) {
    const key = likenessOf(span);
    durations.set(key, [...(durations.get(key) ?? []), span.durationMs]);
  }
  const seen = new Map<string, number>();
  return (span) => {
    const key = likenessOf(span);
    const index = seen.get(key) ?? 0;
    seen.set(key, index + 1);
    return durations.get(key)?.[index];
  };
}

function likenessOf({ service, name, kind, edge = "" }: TraceSummary["spans"][number]): string {
  return [service, name, kind, edge].join("\n");
}

/** "225 requests, 28 failed, median 3.24 s". */
function comparedText({ operations, failed, medianMs }: TraceComparison["before"]): Markup {
  return markup`${formatCounted(operations, "request")}, ${failed > 0 && markup`<b class="hurt">${formatCount(failed)} failed</b>, `}median <b>${formatDuration(medianMs)}</b>`;
}
