import type { RecordedFamily, RecordedMetric, RecordedMetrics } from "./recorded-metrics.ts";

/**
 * The metrics of a run as OpenMetrics text with times, as `promtool tsdb create-blocks-from openmetrics` takes it: each
 * family once, in it one metric after the other, of that one point in time after the other, and `# EOF` at the end.
 * @returns pieces of it, none of them long
 */
export function* openMetricsText({ families }: Pick<RecordedMetrics, "families">): Generator<string> {
  for (const family of families) {
    yield headOf(family);
    for (const metric of family.metrics) yield* pointsOf(metric);
  }
  yield "# EOF\n";
}

function headOf({ name, type, help, unit }: RecordedFamily): string {
  return [
    `# TYPE ${name} ${type}\n`,
    unit === undefined || unit === "" ? "" : `# UNIT ${name} ${unit}\n`,
    help === undefined ? "" : `# HELP ${name} ${escapeHelp(help)}\n`,
  ].join("");
}

const pieceLength = 64_000;

function* pointsOf({ target, series }: RecordedMetric): Generator<string> {
  /** Of each series: how many of its samples are told. */
  const told = series.map(() => 0);
  let piece = "";
  for (const [scrape, { atMs }] of target.scrapes.entries()) {
    const time = (atMs / 1_000).toFixed(3);
    for (const [index, { text, scrapes, values, exemplars }] of series.entries()) {
      const next = told[index] as number;
      if (scrapes[next] !== scrape) continue;
      told[index] = next + 1;
      const exemplar = exemplars.get(scrape);
      piece += `${text} ${formatValue(values[next] as number)} ${time}`;
      piece += exemplar === undefined ? "\n" : ` # ${exemplar}\n`;
    }
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

/** The shortest text that reads as the same double. */
function formatValue(value: number): string {
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0" : String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

function escapeHelp(help: string): string {
  return help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
