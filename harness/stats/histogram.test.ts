import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createHistogram,
  histogramFromJSON,
  mergeHistograms,
  relativeError,
  resolutionMs,
  type Histogram,
} from "./histogram.ts";
import { quantileOfSorted, sortSamples } from "./quantile.ts";

const shares = [0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

/** From a nanosecond to a quarter of an hour, each order of magnitude as likely as the other; and nothing at all. */
const duration = fc.oneof(
  fc.double({ min: -20, max: 20, noNaN: true }).map((exponent) => 2 ** exponent),
  fc.integer({ min: 0, max: 3_000 }),
  fc.double({ min: 0, max: resolutionMs, noNaN: true }),
);
const durations = fc.array(duration, { minLength: 1, maxLength: 300 });

function histogramOf(...valuesMs: readonly number[]): Histogram {
  const histogram = createHistogram();
  for (const valueMs of valuesMs) histogram.add(valueMs);
  return histogram;
}

describe("a percentile", () => {
  it("is the sample at the nearest rank, or less than 0.1 % above it", () => {
    expect(relativeError).toBeLessThan(0.001);
    fc.assert(
      fc.property(
        durations,
        fc.oneof(fc.constantFrom(...shares), fc.double({ min: 0, max: 1, noNaN: true })),
        (valuesMs, share) => {
          const exact = quantileOfSorted(sortSamples(valuesMs), share);
          const told = histogramOf(...valuesMs).percentileMs(share);
          expect(told).toBeGreaterThanOrEqual(exact);
          expect(told).toBeLessThanOrEqual(exact + Math.max(exact * relativeError, resolutionMs));
        },
      ),
    );
  });

  it("of 1 to 1,000 ms is off by at most a millisecond, by hand", () => {
    const histogram = histogramOf(...Array.from({ length: 1_000 }, (_, index) => index + 1));
    // Buckets are 1/1024 of the power of two below: 0.25 ms from 256 ms on, 0.5 ms from 512 ms on.
    expect(shares.map((share) => histogram.percentileMs(share))).toEqual([
      1 + 1 / 1_024,
      10 + 8 / 1_024,
      500.25,
      900.5,
      950.5,
      990.5,
      999.5,
      1_000,
    ]);
  });

  it("is never above the maximum, and of nothing there is none", () => {
    expect(histogramOf(3.3).percentileMs(0.5)).toBe(3.3);
    expect(histogramOf(0).percentileMs(1)).toBe(0);
    const empty = createHistogram();
    expect(empty).toMatchObject({
      count: 0,
      minMs: undefined,
      maxMs: undefined,
      meanMs: undefined,
      deviationMs: undefined,
    });
    expect(empty.percentileMs(0.5)).toBeUndefined();
    expect(empty.buckets()).toEqual([]);
  });
});

it("count, minimum and maximum are exact; mean and deviation to 0.1 %", () => {
  const histogram = histogramOf(1, 2, 3, 4, 10);
  expect(histogram).toMatchObject({ count: 5, minMs: 1, maxMs: 10 });
  // Mean 4, variance (9 + 4 + 1 + 0 + 36) / 5 = 10.
  expect(Math.abs(histogram.meanMs! / 4 - 1)).toBeLessThan(0.001);
  expect(Math.abs(histogram.deviationMs! / Math.sqrt(10) - 1)).toBeLessThan(0.001);
});

it("a value can be counted many times at once", () => {
  const histogram = createHistogram();
  histogram.add(5, 3);
  histogram.add(7, 0);
  expect(histogram.toJSON()).toEqual(histogramOf(5, 5, 5).toJSON());
});

it.each([-0.001, Number.NaN, Number.POSITIVE_INFINITY])("%f ms is no duration", (valueMs) => {
  expect(() => createHistogram().add(valueMs)).toThrow(RangeError);
});

it("buckets are in ascending order, next to each other, and hold every value between their bounds", () => {
  fc.assert(
    fc.property(durations, (valuesMs) => {
      const buckets = histogramOf(...valuesMs).buckets();
      for (const [at, { fromMs, belowMs, count }] of buckets.entries()) {
        expect(count).toBe(valuesMs.filter((valueMs) => valueMs >= fromMs && valueMs < belowMs).length);
        expect(belowMs - fromMs).toBeLessThanOrEqual(Math.max(fromMs * relativeError, resolutionMs));
        expect(fromMs).toBeGreaterThanOrEqual(buckets[at - 1]?.belowMs ?? 0);
      }
      expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(valuesMs.length);
    }),
  );
});

describe("histograms merge", () => {
  const merged = (...valueLists: readonly (readonly number[])[]) =>
    mergeHistograms(valueLists.map((valuesMs) => histogramOf(...valuesMs))).toJSON();

  it("into that of all values, in any order and any grouping", () => {
    const values = fc.array(duration, { maxLength: 60 });
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const union = histogramOf(...a, ...b, ...c);
        expect(merged(a, b, c)).toEqual(union.toJSON());
        expect(merged(c, a, b)).toEqual(union.toJSON());
        const later = histogramOf(...b);
        later.merge(histogramOf(...c));
        expect(mergeHistograms([histogramOf(...a), later]).meanMs).toBe(union.meanMs);
      }),
    );
  });

  it("and what was merged stays as it was", () => {
    const one = histogramOf(1);
    mergeHistograms([one, histogramOf(2)]).add(3);
    expect(one.toJSON()).toEqual(histogramOf(1).toJSON());
  });

  it("also with itself", () => {
    const twice = histogramOf(1, 5);
    twice.merge(twice);
    expect(twice.toJSON()).toEqual(histogramOf(1, 1, 5, 5).toJSON());
  });
});

describe("as JSON", () => {
  it("it is whole when it is read again", () => {
    fc.assert(
      fc.property(fc.array(duration, { maxLength: 100 }), (valuesMs) => {
        const histogram = histogramOf(...valuesMs);
        const read = histogramFromJSON(JSON.parse(JSON.stringify(histogram)));
        expect(read.toJSON()).toEqual(histogram.toJSON());
        expect(read.count).toBe(histogram.count);
        for (const share of shares) expect(read.percentileMs(share)).toBe(histogram.percentileMs(share));
      }),
    );
  });

  it("is short: gaps and counts", () => {
    // 1 ms is 20 powers of two above the first bucket, 2 ms one more.
    expect(JSON.stringify(histogramOf(1, 1, 2))).toBe(
      '{"v":1,"minMs":1,"maxMs":2,"buckets":[20481,2,1024,1]}',
    );
    expect(JSON.stringify(createHistogram())).toBe('{"v":1,"buckets":[]}');
  });

  it.each([
    ["another version", { v: 2, buckets: [] }],
    ["no buckets", { v: 1 }],
    ["half a pair", { v: 1, minMs: 1, maxMs: 1, buckets: [20_481] }],
    ["a bucket of nothing", { v: 1, minMs: 1, maxMs: 1, buckets: [20_481, 0] }],
    ["a bucket twice", { v: 1, minMs: 1, maxMs: 1, buckets: [20_481, 1, 0, 1] }],
    ["a minimum of another bucket", { v: 1, minMs: 0.5, maxMs: 1, buckets: [20_481, 1] }],
    ["a maximum of another bucket", { v: 1, minMs: 1, maxMs: 2, buckets: [20_481, 1] }],
    ["no maximum", { v: 1, minMs: 1, buckets: [20_481, 1] }],
    ["a minimum of nothing", { v: 1, minMs: 1, maxMs: 1, buckets: [] }],
    ["part of a count", { v: 1, minMs: 1, maxMs: 1, buckets: [20_481, 1.5] }],
    ["a text", "{}"],
  ])("%s is refused", (_, json) => {
    expect(() => histogramFromJSON(json)).toThrow();
  });
});
