import { formatDuration, formatRatio } from "../../base/units.ts";
import { formatCount } from "../../report/figures.ts";
import { wrap } from "../../report/wrap.ts";
import type { Histogram } from "../../stats/histogram.ts";
import { print, type Colors } from "../command-context.ts";
import type { Output } from "../host.ts";
import { cut, redrawn } from "../redrawn.ts";
import type { LiveFigures } from "./live-figures.ts";

/** What a person sees of a load while it goes on. */
export interface LoadView extends Disposable {
  live(figures: LiveFigures): void;
  /** A line that stays. */
  note(text: string): void;
}

export interface LoadViewOptions {
  /** "shopper at 200/s". */
  readonly title: string;
  readonly baseUrl: string;
  readonly durationMs: number;
}

const plainEveryMs = 1_000;

/** A line a second, for logs and pipes. */
export function plainLoadView(output: Output, { durationMs }: LoadViewOptions): LoadView {
  let next = plainEveryMs;
  const say = (text: string): void => print(output, `${new Date().toISOString().slice(11, 19)}  ${text}`);
  return {
    live(figures) {
      if (figures.elapsedMs < next) return;
      next = (Math.floor(figures.elapsedMs / plainEveryMs) + 1) * plainEveryMs;
      const { lastSecond, underWay, recent, health } = figures;
      say(
        [
          progressText(figures.elapsedMs, durationMs),
          `${perSecond(lastSecond.intendedPerSecond)} asked, ${perSecond(lastSecond.startedPerSecond)} started, ` +
            `${perSecond(lastSecond.endedPerSecond)} ended, ${formatCount(underWay)} under way`,
          percentilesText(recent).join(" "),
          errorsText(figures),
          `late ${formatDuration(health.lateP99Ms)}`,
          ...(health.problem === undefined ? [] : [health.problem]),
        ].join(" · "),
      );
    },
    note: say,
    [Symbol.dispose]: () => undefined,
  };
}

/** A panel that is redrawn in place. */
export function liveLoadView(output: Output, colors: Colors, options: LoadViewOptions): LoadView {
  const screen = redrawn(output);
  let isStopping = false;
  let last: LiveFigures | undefined;
  const draw = (): void => {
    if (last !== undefined)
      screen.draw(loadPanel(last, { ...options, isStopping, colors, columns: output.columns ?? 80 }));
  };
  return {
    live(figures) {
      last = figures;
      draw();
    },
    note(text) {
      isStopping = true;
      screen.say(text);
      draw();
    },
    [Symbol.dispose]: () => screen[Symbol.dispose](),
  };
}

/** Nothing while it goes on but what must be said. */
export function quietLoadView(output: Output): LoadView {
  return {
    live: () => undefined,
    note: (text) => print(output, text),
    [Symbol.dispose]: () => undefined,
  };
}

interface LoadPanelOptions extends LoadViewOptions {
  readonly isStopping: boolean;
  readonly colors: Colors;
  /** Width of the terminal, in characters. */
  readonly columns: number;
}

/** The lines of the live view; none is wider than the terminal, so that each takes one row. */
export function loadPanel(
  figures: LiveFigures,
  { title, baseUrl, durationMs, isStopping, colors, columns }: LoadPanelOptions,
): readonly string[] {
  const width = columns - 1;
  const { elapsedMs, underWay, users, lastSecond, recent, soFar, health, notOk } = figures;
  const progress = progressText(elapsedMs, durationMs);
  const barWidth = Math.max(0, Math.min(60, width - progress.length - 1));
  const filled = Math.round(barWidth * Math.min(1, elapsedMs / durationMs));
  const errors = flow([errorsText(figures)], width);
  const keys = isStopping ? "Ctrl-C again ends at once" : "Ctrl-C stops and sums up";
  return [
    colors.bold(cut(`${title} · ${baseUrl}`, width)),
    `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${progress}`,
    ...flow(
      [
        `${perSecond(lastSecond.intendedPerSecond)} asked`,
        `${perSecond(lastSecond.startedPerSecond)} started`,
        `${perSecond(lastSecond.endedPerSecond)} ended`,
        `${formatCount(underWay)} under way`,
        `${formatCount(users)} users`,
      ],
      width,
    ),
    ...flow(percentilesText(recent), width, "last second  "),
    ...flow(percentilesText(soFar), width, "so far       "),
    ...(notOk === 0 ? errors : errors.map(colors.red)),
    ...(health.problem === undefined
      ? flow([`starts late by ${formatDuration(health.lateP99Ms)} (p99)`], width)
      : wrap(`! ${health.problem}`, width, 2).map(colors.yellow)),
    colors.dim(cut(keys, width)),
  ];
}

/** Parts on as few lines as they fit on, in order, below one another after a label. */
function flow(parts: readonly string[], width: number, label = ""): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const longer = `${lines.at(-1)} · ${part}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(cut(`${lines.length === 0 ? label : " ".repeat(label.length)}${part}`, width));
  }
  return lines;
}

function progressText(elapsedMs: number, durationMs: number): string {
  if (elapsedMs >= durationMs) return "arrivals are over";
  const seconds = Math.min(durationMs, Math.floor(elapsedMs / 1_000) * 1_000);
  return `${formatDuration(seconds)} of ${formatDuration(durationMs)}`;
}

function percentilesText(latency: Histogram): readonly string[] {
  const shares = { p50: 0.5, p95: 0.95, p99: 0.99 } as const;
  return Object.entries(shares).map(([name, share]) => {
    const valueMs = latency.percentileMs(share);
    return `${name} ${valueMs === undefined ? "–" : formatDuration(valueMs)}`;
  });
}

const mostKinds = 4;

function errorsText({ notOk, ended, errors }: LiveFigures): string {
  if (notOk === 0) return "no errors";
  const kinds = errors.slice(0, mostKinds).map(([kind, count]) => `${kind} ${formatCount(count)}`);
  const more = errors.length > mostKinds ? [`${errors.length - mostKinds} kinds more`] : [];
  return `${formatCount(notOk)} not ok (${formatRatio(notOk / ended)}): ${[...kinds, ...more].join(", ")}`;
}

function perSecond(ratePerSecond: number): string {
  return `${formatCount(Math.round(ratePerSecond))}/s`;
}
