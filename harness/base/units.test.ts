import { describe, expect, it } from "vitest";
import {
  formatDuration,
  formatRatio,
  formatSize,
  parseByteRatePerSecond,
  parseDurationMs,
  parseRatePerSecond,
  parseRatio,
  parseSizeBytes,
} from "./units.ts";

describe("quantities carry their unit", () => {
  it.each([
    ["200ms", 200],
    ["1.5s", 1_500],
    ["2m", 120_000],
    ["1h", 3_600_000],
    ["250us", 0.25],
    ["0", 0],
  ])("%s is %d ms", (text, ms) => expect(parseDurationMs(text)).toBe(ms));

  it.each(["200", "ms", "-1s", "1 week", "", "1e3ms", "0x1s", "constructor", "1constructor"])(
    "%j is no duration",
    (text) => expect(parseDurationMs(text)).toBeUndefined(),
  );

  it("reads rates, sizes, data rates and shares", () => {
    expect(parseRatePerSecond("60/s")).toBe(60);
    expect(parseRatePerSecond("30/m")).toBe(0.5);
    expect(parseRatePerSecond("60")).toBeUndefined();
    expect(parseSizeBytes("1.5MB")).toBe(1_500_000);
    expect(parseByteRatePerSecond("100KB/s")).toBe(100_000);
    expect(parseRatio("99.9%")).toBeCloseTo(0.999, 12);
    expect(parseRatio("101%")).toBeUndefined();
    expect(parseRatio("0.99")).toBeUndefined();
  });

  it("writes them as people say them", () => {
    expect([0, 0.25, 2.34, 200, 1_500, 12_340, 90_000, 120_000].map(formatDuration)).toEqual([
      "0 s",
      "250 µs",
      "2.3 ms",
      "200 ms",
      "1.5 s",
      "12.3 s",
      "1 min 30 s",
      "2 min",
    ]);
    expect([0, 0.9912, 0.999999, 0.000001, 1].map(formatRatio)).toEqual([
      "0 %",
      "99.12 %",
      "99.99 %",
      "0.01 %",
      "100 %",
    ]);
    expect([999, 1_500, 2_000_000, 3_210_000_000].map(formatSize)).toEqual([
      "999 B",
      "1.5 KB",
      "2 MB",
      "3.21 GB",
    ]);
  });

  it("never shows 60 seconds", () => expect(formatDuration(119_999)).toBe("2 min"));
});
