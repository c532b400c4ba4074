/**
 * Quantities as users write them (`200ms`, `60/s`, `99%`, `1MB`) and as code holds them: plain numbers whose name says
 * the unit. Parsers return `undefined` for what they do not understand; the caller says which field it was.
 */

const durationUnitsMs = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnitsBytes = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 } as const;

/** "1500ms", "1.5s", "2m" -> milliseconds. A bare "0" needs no unit. */
export function parseDurationMs(text: string): number | undefined {
  return parseWithUnit(text, durationUnitsMs);
}

/** "10KB", "1.5MB" -> bytes (decimal: 1 KB is 1,000 bytes). */
export function parseSizeBytes(text: string): number | undefined {
  return parseWithUnit(text, sizeUnitsBytes);
}

/** "60/s", "30/m" -> events per second. */
export function parseRatePerSecond(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\/(s|m|h)$/.exec(text.trim());
  if (!match) return undefined;
  return (Number(match[1]) * 1_000) / durationUnitsMs[match[2] as "s" | "m" | "h"];
}

/** "100KB/s" -> bytes per second. */
export function parseByteRatePerSecond(text: string): number | undefined {
  const match = /^(.+)\/s$/.exec(text.trim());
  return match?.[1] === undefined ? undefined : parseSizeBytes(match[1]);
}

/** "99%", "99.9%" -> a ratio in [0, 1]. */
export function parseRatio(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text.trim());
  if (!match) return undefined;
  const percent = Number(match[1]);
  return percent <= 100 ? percent / 100 : undefined;
}

/** 0.25 -> "250 µs", 200 -> "200 ms", 1500 -> "1.5 s", 90000 -> "1 min 30 s". */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return "never";
  const magnitudeMs = Math.abs(durationMs);
  if (magnitudeMs === 0) return "0 s";
  if (magnitudeMs < 1) return `${Math.round(durationMs * 1_000)} µs`;
  if (magnitudeMs < 10) return `${trim(durationMs, 1)} ms`;
  if (magnitudeMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (magnitudeMs < 59_950) return `${trim(durationMs / 1_000, magnitudeMs < 10_000 ? 2 : 1)} s`;
  const wholeSeconds = Math.round(durationMs / 1_000);
  const minutes = Math.trunc(wholeSeconds / 60);
  const seconds = Math.abs(wholeSeconds % 60);
  return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
}

/** 0.9912 -> "99.12 %". Never rounds up to 100 % or down to 0 %. */
export function formatRatio(ratio: number): string {
  if (!Number.isFinite(ratio)) return "no data";
  if (ratio === 0 || ratio === 1) return `${ratio * 100} %`;
  const percent = Math.min(99.99, Math.max(0.01, ratio * 100));
  return `${trim(percent, 2)} %`;
}

/** 1500 -> "1.5 KB". */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes < 1_000) return `${Math.round(sizeBytes)} B`;
  if (sizeBytes < 1_000_000) return `${trim(sizeBytes / 1_000, 1)} KB`;
  if (sizeBytes < 1_000_000_000) return `${trim(sizeBytes / 1_000_000, 1)} MB`;
  return `${trim(sizeBytes / 1_000_000_000, 2)} GB`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function parseWithUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  const match = /^(\d+(?:\.\d+)?)\s?([a-zA-Z]+)$/.exec(trimmed);
  if (match?.[2] === undefined || !Object.hasOwn(units, match[2])) return undefined;
  return Number(match[1]) * (units[match[2]] as number);
}
