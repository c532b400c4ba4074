/** What the two threads share. Counts only grow; they wrap, so they are compared by their difference. */
export interface StartRing {
  /** Cells of {@link cell}. */
  readonly cells: Int32Array<SharedArrayBuffer>;
  /** Milliseconds as {@link monotonicMs} counts them; the nth time is at n modulo the length, a power of two. */
  readonly timesMs: Float64Array<SharedArrayBuffer>;
}

export const cell = {
  /** How many times were put into the ring. */
  written: 0,
  /** Times before this count are not wanted any more. */
  from: 1,
  /** How many have come, or were not wanted. */
  come: 2,
  /** 1 while a wake-up is on its way. */
  woken: 3,
} as const;

/** Milliseconds on a clock that all threads of the process read alike: `performance.now()` differs between them. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
