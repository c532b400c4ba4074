import type { ExcerptLine, TraceLog } from "../../record/log-excerpt.ts";
import { formatCounted } from "../figures.ts";
import { levelWord, offsetMs, offsetText } from "../log-story.ts";
import { markup, percent, type Markup } from "./markup.ts";

/** How the log of a trace is drawn beside its spans. */
export interface LogDrawing {
  /** The whole width of the waterfall. */
  readonly lengthMs: number;
  readonly colourOf: (service: string) => string;
  readonly mostLines: number;
  /** For `squall logs`. */
  readonly run: string;
}

/** A row below the waterfall, on its scale: when something was logged, and how bad it was. */
export function logRow(log: TraceLog, { lengthMs, mostLines }: LogDrawing): Markup {
  const marks = log.lines.slice(0, mostLines).flatMap((line) => {
    const atMs = offsetMs(log, line);
    if (atMs === undefined || atMs > lengthMs) return [];
    const { sign, word, tone } = levelWord(line.level);
    return [
      markup`<text class="logged ${tone ?? "calm"}" x="${percent(atMs / lengthMs)}" y="13" text-anchor="middle">${tone === undefined ? "●" : sign}<title>${offsetText(log, line)} ${line.instance} ${word}</title></text>`,
    ];
  });
  return markup`
    <li class="log-row"><div class="who"><span class="service">log</span></div>
      <svg height="18" role="img" aria-label="${formatCounted(log.lines.length + log.omitted, "line")} logged"><line class="grid" x1="0" x2="100%" y1="9" y2="9" />${marks}</svg>
      <span class="num took">${formatCounted(log.lines.length + log.omitted, "line")}</span></li>`;
}

/** The lines themselves, by time: when in the waterfall, how bad, who, what. */
export function logLines(log: TraceLog, drawing: LogDrawing): Markup {
  const { mostLines, run } = drawing;
  const hidden = log.lines.length - Math.min(mostLines, log.lines.length) + log.omitted;
  return markup`
    <ol class="said" aria-label="What was logged in it">${log.lines.slice(0, mostLines).map((line) => lineRow(log, line, drawing))}</ol>
    ${hidden > 0 && markup`<p class="soft small">… and ${formatCounted(hidden, "line")} more: <code>squall logs ${run} --trace ${log.traceId}</code></p>`}`;
}

function lineRow(log: TraceLog, line: ExcerptLine, { colourOf, lengthMs }: LogDrawing): Markup {
  const { sign, word, tone } = levelWord(line.level);
  const atMs = offsetMs(log, line);
  const isLater = atMs !== undefined && atMs > lengthMs;
  const isLinked = line.traceId !== undefined && line.traceId !== log.traceId;
  return markup`
    <li class="${tone ?? "calm"} ${colourOf(line.service)}"><span class="num at">${offsetText(log, line)}</span>
      <span class="level">${sign} ${word}</span>
      <span class="who"><i class="swatch"></i><span class="service">${line.instance}</span></span>
      <span class="what">${line.message}${(isLater || isLinked) && markup` <span class="soft">(${[isLater && "after the answer", isLater && isLinked && ", ", isLinked && markup`in trace <code>…${line.traceId?.slice(-8)}</code>, linked with it`]})</span>`}</span></li>`;
}
