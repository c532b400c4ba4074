import { formatDuration, formatRatio } from "../../base/units.ts";
import type { LoadFigures, Percentiles } from "../../load/recording/load-summary.ts";
import { formatCount, formatCounted } from "../../report/figures.ts";
import { printableLine } from "../../report/printable.ts";
import { wrap } from "../../report/wrap.ts";
import type { Colors } from "../command-context.ts";
import { cut } from "../redrawn.ts";
import type { LoadReport } from "./load-report.ts";
import { tableLines, type Column } from "./table.ts";

interface TextOptions {
  readonly colors: Colors;
  /** Columns of the terminal. */
  readonly columns: number;
}

/** A journey or a step, and how it went. */
interface Row {
  readonly name: string;
  readonly figures: LoadFigures;
}

const mostErrors = 8;
const mostMessage = 120;

/** The end of a load in a page: what came of it, how long it took, what went wrong, and whether the driver kept up. */
export function loadText(report: LoadReport, { colors, columns }: TextOptions): readonly string[] {
  const width = Math.max(40, Math.min(160, columns));
  const [driver] = report.drivers;
  const origins = [...new Set(report.drivers.map(({ baseUrl }) => baseUrl))].join(", ");
  const { drivenMs } = report;
  const heading = (text: string): readonly string[] => ["", ...wrap(text, width).map(colors.bold)];
  return [
    ...wrap(printableLine(report.title), width, 0).map(colors.bold),
    ...wrap(
      [
        origins,
        ...(driver === undefined || report.drivers.length > 1 ? [] : [`seed ${driver.seed}`]),
        ...(report.drivers.length > 1 ? [`${report.drivers.length} drivers`] : []),
      ].join(" · "),
      width,
    ).map(colors.dim),
    ...(report.interrupted ? [colors.yellow(`interrupted after ${formatDuration(drivenMs)}`)] : []),
    "",
    ...outcomeLines(report, width, colors),
    ...heading(
      report.steps.length > report.journeys.length
        ? "latency from the intended start; of a journey: of all its steps, and its thinking"
        : "latency from the intended start",
    ),
    ...figureLines(rowsOf(report), width, colors),
    ...errorLines(report, width, colors, heading),
    ...slowestLines(report, width, heading),
    ...driverLines(report, width, colors, heading),
  ];
}

/** Each journey and, where it has several, its steps below it. */
function rowsOf({ all, journeys, steps }: LoadReport): readonly Row[] {
  const rows = journeys.flatMap((figures) => {
    const own = steps.filter(({ journey }) => journey === figures.journey);
    const below = own.map((step) => ({ name: `  ${printableLine(step.step)}`, figures: step }));
    return [{ name: printableLine(figures.journey), figures }, ...(own.length > 1 ? below : [])];
  });
  return journeys.length > 1 ? [{ name: "all journeys", figures: all }, ...rows] : rows;
}

function outcomeLines({ all, intended, started, users }: LoadReport, width: number, colors: Colors) {
  const { total, ok, fail, unknown, unsent } = all;
  const share = (count: number): string => (total === 0 ? "" : ` (${formatRatio(count / total)})`);
  const came =
    `${formatCounted(intended, "journey")} intended, ${formatCount(started)} started, ` +
    `${formatCount(total)} ended: ${perSecond(all.perSecond)}` +
    (users === undefined ? "" : `, by ${formatCounted(users, "user")}`);
  const parts = [
    `${formatCount(ok)} ok${share(ok)}`,
    ...(fail > 0 ? [`${formatCount(fail)} failed${share(fail)}`] : []),
    ...(unknown > 0 ? [`${formatCount(unknown)} unknown${share(unknown)}`] : []),
    ...(unsent > 0 ? [`${formatCount(unsent)} never sent`] : []),
  ];
  const isWell = ok === total && total > 0;
  return [
    ...wrap(came, width, 0),
    ...wrap(parts.join(" · "), width, 0).map(isWell ? colors.green : colors.red),
  ];
}

const percentiles = [
  ["p50", "p50Ms", 0],
  ["p90", "p90Ms", 4],
  ["p95", "p95Ms", 2],
  ["p99", "p99Ms", 0],
  ["p99.9", "p999Ms", 1],
] as const;

function figureLines(rows: readonly Row[], width: number, colors: Colors): readonly string[] {
  if (rows.length === 0 || rows.every(({ figures }) => figures.total === 0)) return ["nothing ended"];
  const columns: readonly Column<Row>[] = [
    { title: "", align: "left", rank: 0, cell: ({ name }) => cut(name, 40) },
    { title: "count", align: "right", rank: 0, cell: ({ figures }) => formatCount(figures.total) },
    { title: "rate", align: "right", rank: 5, cell: ({ figures }) => perSecond(figures.perSecond) },
    { title: "not ok", align: "right", rank: 3, cell: ({ figures }) => notOkText(figures) },
    ...percentiles.map(([title, of, rank]) => ({
      title,
      align: "right" as const,
      rank,
      cell: ({ figures }: Row) => percentileText(figures.latency, of),
    })),
    { title: "max", align: "right", rank: 0, cell: ({ figures }) => durationText(figures.latency?.maxMs) },
  ];
  const isThin = rows.some(({ figures }) => (figures.latency?.notEnoughFor.length ?? 0) > 0);
  const [titles = "", ...lines] = tableLines(columns, rows, width) ?? [];
  const table = titles === "" ? blocks(rows, width) : [colors.dim(titles), ...lines];
  return [
    ...table.map((line, index) => {
      const row = rows[index - 1];
      return titles !== "" && row !== undefined && row.figures.ok < row.figures.total
        ? colors.red(line)
        : line;
    }),
    ...(isThin
      ? wrap("– too few for that percentile: p99 needs 1,000, p99.9 needs 10,000", width).map(colors.dim)
      : []),
  ];
}

/** Where there is no room for a table: some lines for each row, so that nothing is left out. */
function blocks(rows: readonly Row[], width: number): readonly string[] {
  return rows.flatMap(({ name, figures }) => [
    cut(`${name}: ${formatCount(figures.total)}, ${perSecond(figures.perSecond)}`, width),
    ...(figures.ok < figures.total ? [`    ${notOkText(figures)} not ok`] : []),
    ...wrap(
      `    ${[
        // A percentile and its figure stay on one line.
        ...percentiles.map(([title, of]) => `${title}\u00a0${percentileText(figures.latency, of)}`),
        `max\u00a0${durationText(figures.latency?.maxMs)}`,
      ].join(", ")}`,
      width,
      4,
    ),
  ]);
}

function notOkText({ total, ok }: LoadFigures): string {
  return total === ok ? "" : `${formatCount(total - ok)} (${formatRatio((total - ok) / total)})`;
}

function percentileText(latency: Percentiles | undefined, of: (typeof percentiles)[number][1]): string {
  return latency === undefined || latency.notEnoughFor.includes(of) ? "–" : durationText(latency[of]);
}

function durationText(durationMs: number | undefined): string {
  return durationMs === undefined ? "–" : formatDuration(durationMs);
}

type Heading = (text: string) => readonly string[];

function errorLines(report: LoadReport, width: number, colors: Colors, heading: Heading): readonly string[] {
  const { all, highlights } = report;
  const kinds = Object.entries(all.errors).sort(([, one], [, other]) => other - one);
  if (kinds.length === 0) return [];
  const countWidth = Math.max(...kinds.map(([, count]) => formatCount(count).length));
  const named = kinds.slice(0, mostErrors).flatMap(([kind, count]) => {
    const head = `${formatCount(count).padStart(countWidth)}  ${printableLine(kind)}`;
    const [group, ...others] = highlights?.errors.filter((error) => error.kind === kind) ?? [];
    const where = group === undefined ? "" : [group.journey, ...group.steps.slice(0, 3)].join(" / ");
    const more = others.length === 0 ? "" : `, and ${formatCounted(others.length, "journey")} more`;
    const said = group === undefined ? "" : `: ${cut(printableLine(group.message), mostMessage)}`;
    return [
      colors.red(head),
      ...wrap(`${" ".repeat(countWidth + 2)}${where}${more}${said}`, width, countWidth + 2),
    ];
  });
  return [
    ...heading("what went wrong, by kind"),
    ...named.filter((line) => line.trim() !== ""),
    ...(kinds.length > mostErrors ? [`and ${kinds.length - mostErrors} kinds more`] : []),
  ];
}

function slowestLines({ highlights }: LoadReport, width: number, heading: Heading): readonly string[] {
  const slowest = highlights?.slowest ?? [];
  if (slowest.length === 0) return [];
  const rows = slowest.map(({ latencyMs, journey, step, errorKind, traceId }) => ({
    latency: formatDuration(latencyMs),
    name:
      printableLine(journey === step ? step : `${journey} / ${step}`) +
      (errorKind === undefined ? "" : ` (${errorKind})`),
    traceId,
  }));
  type Slow = (typeof rows)[number];
  const columns: readonly Column<Slow>[] = [
    { title: "", align: "right", rank: 0, cell: ({ latency }) => latency },
    { title: "", align: "left", rank: 0, cell: ({ name }) => name },
    { title: "", align: "left", rank: 0, cell: ({ traceId }) => traceId },
  ];
  const lines = tableLines(columns, rows, width)?.slice(1);
  return [
    ...heading("slowest requests, and their traces"),
    ...(lines ??
      rows.flatMap(({ latency, name, traceId }) => [cut(`${latency}  ${name}`, width), `  ${traceId}`])),
  ];
}

function driverLines(report: LoadReport, width: number, colors: Colors, heading: Heading): readonly string[] {
  const { late, drivers, problems, stray } = report;
  const health = drivers.flatMap((driver) => driver.health ?? []);
  const facts = [
    late === undefined
      ? "nothing was started"
      : `starts late by ${formatDuration(late.p99Ms)} (p99), ${formatDuration(late.maxMs)} at most`,
    ...health.map(
      ({ cpuShare, stallMaxMs }) =>
        `${formatRatio(cpuShare)} of a processor, longest stall ${formatDuration(stallMaxMs)}`,
    ),
  ];
  return [
    ...heading("the driver itself"),
    ...wrap(facts.join(" · "), width, 0),
    ...problems.flatMap((problem) => wrap(`! ${problem}`, width, 2)).map(colors.yellow),
    ...(problems.length === 0
      ? []
      : wrap("? inconclusive: these figures are not the whole of it, or not the target's", width, 2).map(
          colors.yellow,
        )),
    ...stray.flatMap(({ message, count }) =>
      wrap(
        `! ${formatCounted(count, "error")} that no journey awaited (an await is missing): ${printableLine(message)}`,
        width,
        2,
      ).map(colors.yellow),
    ),
  ];
}

function perSecond(ratePerSecond: number): string {
  const digits = ratePerSecond < 10 ? 2 : ratePerSecond < 100 ? 1 : 0;
  return `${ratePerSecond.toLocaleString("en-US", { maximumFractionDigits: digits })}/s`;
}
