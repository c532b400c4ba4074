import { formatDuration, formatSize } from "../base/units.ts";
import type { MetricsFigures, TargetFigures } from "../observe/metrics-figures.ts";
import { formatCount, formatCounted, formatUtc } from "../report/figures.ts";
import { printableLine } from "../report/printable.ts";
import { wrap } from "../report/wrap.ts";
import type { Colors } from "./command-context.ts";

export interface MetricsTextOptions {
  /** As the user named it. */
  readonly run: string;
  readonly colors: Colors;
  /** Of the terminal. */
  readonly columns: number;
}

/** What a run has of metrics, for a terminal: the whole, each target, what is missing and why, and how to open it. */
export function metricsText(figures: MetricsFigures, options: MetricsTextOptions): readonly string[] {
  const { run, colors } = options;
  const width = Math.max(60, Math.min(160, Math.floor(options.columns)));
  const { startMs, endMs, everyMs, targets, families, series, samples, exemplars, sizeBytes } = figures;
  const every = everyMs === undefined ? "" : `, a scrape each ${formatDuration(everyMs)}`;
  const window = `${formatUtc(startMs)}, ${formatDuration(Math.max(0, endMs - startMs))}${every}`;
  const what = [
    formatCounted(families, "family", "families"),
    formatCount(series) + " series",
    formatCounted(samples, "sample"),
    formatCounted(exemplars, "exemplar"),
  ];
  return [
    ...wrap(`run      ${printableLine(figures.run ?? "unknown")}`, width, 9),
    ...wrap(`window   ${window}`, width, 9),
    ...wrap(`metrics  ${what.join(", ")}, ${formatSize(sizeBytes)} on disk`, width, 9),
    ...lossLines(figures).flatMap((line) => wrap(line, width, 2).map(colors.red)),
    "",
    ...targetLines(targets, colors),
    ...targets.flatMap((target) => problemLines(target, width).map(colors.red)),
    "",
    colors.bold("To open it"),
    ...wrap(`squall metrics ${run} --serve`, width, 2),
    ...wrap(`squall metrics ${run} --openmetrics > run.openmetrics`, width, 2),
    ...wrap("promtool tsdb create-blocks-from openmetrics run.openmetrics data", width, 2),
  ];
}

function lossLines({ lost }: MetricsFigures): readonly string[] {
  return [
    ...(lost.isCut ? ["! the file was cut off: what came last is missing"] : []),
    ...(lost.invalidLines > 0 ? [`! ${formatCounted(lost.invalidLines, "line")} could not be read`] : []),
    ...(lost.fullAtMs === undefined
      ? []
      : [`! the file was full at ${formatUtc(lost.fullAtMs)}: nothing after that is kept`]),
  ];
}

function targetLines(targets: readonly TargetFigures[], colors: Colors): readonly string[] {
  const rows = [
    ["target", "scrapes", "failed", "gaps", "longest", "series", "samples"],
    ...targets.map(({ job, instance, scrapes, failed, gaps, longestGapMs, series, samples }) => [
      printableLine(job === instance ? job : `${job} ${instance}`),
      formatCount(scrapes),
      formatCount(failed),
      formatCount(gaps),
      gaps === 0 ? "-" : formatDuration(longestGapMs),
      formatCount(series),
      formatCount(samples),
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const lineOf = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  return rows.map((row, index) => (index === 0 ? colors.dim(lineOf(row)) : lineOf(row)));
}

function problemLines({ instance, problems }: TargetFigures, width: number): readonly string[] {
  return Object.entries(problems).flatMap(([problem, count]) =>
    wrap(
      `! ${printableLine(instance)}: ${formatCounted(count, "scrape")} failed: ${printableLine(problem)}`,
      width,
      2,
    ),
  );
}
