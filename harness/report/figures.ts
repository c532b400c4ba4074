import { formatDuration, formatRatio } from "../base/units.ts";
import type { EdgeSummary, PhaseFigures } from "../record/summary.ts";

/** Figures as reports write them, so that the same number reads the same everywhere. */

/** Below so many samples a percentile is noise: p95 needs 200, p99 needs 1,000. */
const samplesNeeded = { p50Ms: 1, p95Ms: 200, p99Ms: 1_000, maxMs: 1 } as const;

/** 1180 -> "1,180". */
export function formatCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** "1 call", "1,180 calls". */
export function formatCounted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** 60 -> "60/s", 0.5 -> "30/min". */
export function formatRate(ratePerSecond: number): string {
  const rate = ratePerSecond >= 1 ? ratePerSecond : ratePerSecond * 60;
  return `${Number(rate.toFixed(1))}/${ratePerSecond >= 1 ? "s" : "min"}`;
}

/** Epoch milliseconds -> "2026-11-21 03:12:07 UTC". */
export function formatUtc(epochMs: number): string {
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) return "at an unknown time";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "99.2 %", or "no data" for a phase in which nothing ended. */
export function formatSuccess({ ok, fail, unknown }: PhaseFigures): string {
  const all = ok + fail + unknown;
  return all === 0 ? "no data" : formatRatio(ok / all);
}

/** A latency, or why there is none: latency is of what ended ok, and a percentile needs enough of them. */
export function formatLatency({ ok, latency }: PhaseFigures, of: keyof typeof samplesNeeded): string {
  if (latency === undefined) return "no data";
  return ok < samplesNeeded[of] ? "not enough data" : formatDuration(latency[of]);
}

/** Of the calls over an edge; `undefined` when none was made. */
export function errorRatio({ calls, errors }: EdgeSummary["fault"]): number | undefined {
  return calls === 0 ? undefined : errors / calls;
}

/** "225 calls, 22 failed (9.78 %), p95 8.28 s". */
export function formatEdgeFigures(figures: EdgeSummary["fault"]): string {
  const ratio = errorRatio(figures);
  if (ratio === undefined) return "no calls";
  const failed =
    figures.errors === 0 ? "none failed" : `${formatCount(figures.errors)} failed (${formatRatio(ratio)})`;
  const p95 = figures.p95Ms === undefined ? "" : `, p95 ${formatDuration(figures.p95Ms)}`;
  return `${formatCounted(figures.calls, "call")}, ${failed}${p95}`;
}
