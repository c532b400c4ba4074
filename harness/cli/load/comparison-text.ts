import { formatDuration, formatRatio } from "../../base/units.ts";
import type { Compared, ComparedSeries, LoadComparison } from "../../load/recording/load-comparison.ts";
import { printableLine } from "../../report/printable.ts";
import { wrap } from "../../report/wrap.ts";
import type { Colors } from "../command-context.ts";
import { cut } from "../redrawn.ts";
import { tableLines, type Column } from "./table.ts";

interface ComparisonTextOptions {
  /** The two results, as the user named them. */
  readonly before: string;
  readonly after: string;
  readonly colors: Colors;
  readonly columns: number;
}

interface Row {
  readonly name: string;
  readonly series: ComparedSeries;
}

const measures = [
  ["p50", "p50", 2],
  ["p95", "p95", 1],
  ["p99", "p99", 0],
  ["not ok", "errorRatio", 0],
] as const;

const signs = { higher: "▲", lower: "▼", "not-told-apart": "≈", "not-enough-data": "?" } as const;

/** Two loads side by side; each figure of the second with what became of it. */
export function comparisonText(
  comparison: LoadComparison,
  { before, after, colors, columns }: ComparisonTextOptions,
): readonly string[] {
  const width = Math.max(40, Math.min(160, columns));
  const rows: readonly Row[] = [
    ...(comparison.journeys.length === 1 ? [] : [{ name: "all journeys", series: comparison.all }]),
    ...comparison.journeys.map((series) => ({ name: printableLine(series.journey), series })),
    ...comparison.steps.map((series) => ({
      name: `  ${printableLine(`${series.journey} / ${series.step}`)}`,
      series,
    })),
  ];
  const tableColumns: readonly Column<Row>[] = [
    { title: "", align: "left", rank: 0, cell: ({ name }) => cut(name, 40) },
    ...measures.map(([title, of, rank]) => ({
      title,
      align: "left" as const,
      rank,
      cell: ({ series }: Row) => comparedText(series[of], of === "errorRatio"),
    })),
    {
      title: "ok a second",
      align: "left",
      rank: 3,
      cell: ({ series: { okPerSecond } }) =>
        `${okPerSecond.before.toFixed(1)} → ${okPerSecond.after.toFixed(1)}`,
    },
  ];
  const [titles, ...lines] = tableLines(tableColumns, rows, width) ?? ["", ...blocks(rows, width)];
  const only = (which: string, names: LoadComparison["onlyBefore"]): readonly string[] =>
    names.length === 0
      ? []
      : wrap(
          `only ${which}: ${names.map(({ journey, step }) => (step === undefined ? journey : `${journey} / ${step}`)).join(", ")}`,
          width,
          2,
        );
  return [
    ...wrap(`before  ${before}`, width, 8),
    ...wrap(`after   ${after}`, width, 8),
    "",
    ...(titles === "" || titles === undefined ? [] : [colors.dim(titles)]),
    ...lines,
    "",
    ...wrap(
      "▲ higher, ▼ lower: apart by more than their own ups and downs; ≈ not told apart; ? too little data",
      width,
      2,
    ).map(colors.dim),
    ...only("before", comparison.onlyBefore),
    ...only("after", comparison.onlyAfter),
    ...comparison.problems.flatMap((problem) => wrap(`! ${problem}`, width, 2)).map(colors.yellow),
    ...wrap(comparison.caution, width, 0).map(colors.yellow),
  ];
}

/** "12 ms → 31 ms ▲ 2.6x" */
function comparedText({ outcome, before, after, ratio }: Compared, isRatio: boolean): string {
  const format = (value: number | undefined): string =>
    value === undefined ? "–" : isRatio ? formatRatio(value) : formatDuration(value);
  const change = isRatio || ratio === undefined || outcome === "not-enough-data" ? "" : ` ${factor(ratio)}`;
  return `${format(before)} → ${format(after)} ${signs[outcome]}${change}`;
}

function factor(ratio: number): string {
  return `${Number(ratio.toPrecision(ratio < 1 ? 2 : 3))}x`;
}

function blocks(rows: readonly Row[], width: number): readonly string[] {
  return rows.flatMap(({ name, series }) => [
    cut(name, width),
    ...measures.map(([title, of]) =>
      cut(`  ${title.padEnd(6)} ${comparedText(series[of], of === "errorRatio")}`, width),
    ),
  ]);
}
