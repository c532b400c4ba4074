/**
 * How late journeys started against the plan. A histogram, so that reading a percentile four times a second costs the
 * same after an hour as after a second.
 */
export interface Lateness {
  readonly count: number;
  /** Milliseconds; a start before its time counts as on time. */
  add(lateMs: number): void;
  /** 99th percentile by nearest rank, rounded up to the next 0.1 ms; never more than `maxMs`. 0 when nothing started. */
  p99Ms(): number;
  maxMs(): number;
}

const bucketMs = 0.1;
/** The last bucket holds all from 10 s on. */
const buckets = 100_001;

export function createLateness(): Lateness {
  const counts = new Uint32Array(buckets);
  let count = 0;
  let maxMs = 0;
  const bucketOf = (lateMs: number): number => Math.min(buckets - 1, Math.floor(lateMs / bucketMs));
  return {
    get count() {
      return count;
    },
    add(lateMs) {
      const late = Math.max(0, lateMs);
      counts[bucketOf(late)]! += 1;
      count += 1;
      maxMs = Math.max(maxMs, late);
    },
    p99Ms() {
      const rank = Math.ceil(count * 0.99);
      let above = 0;
      for (let bucket = bucketOf(maxMs); bucket >= 0; bucket -= 1) {
        above += counts[bucket] as number;
        if (count - above >= rank) continue;
        return bucket === buckets - 1 ? maxMs : Math.min(maxMs, (bucket + 1) * bucketMs);
      }
      return maxMs;
    },
    maxMs: () => maxMs,
  };
}
