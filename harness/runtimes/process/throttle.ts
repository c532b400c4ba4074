import type { Clock } from "../../base/clock.ts";

/** What a throttle looks at, and what it does. */
export interface Throttled {
  /** Processor time used so far, in milliseconds; `undefined` when it has ended. */
  usedMs(): number | undefined;
  hold(): void;
  resume(): void;
}

export interface ThrottleFigures {
  /** For so long it has been watched, and so much of that it was held still. */
  readonly watchedMs: number;
  readonly heldMs: number;
  readonly holds: number;
  readonly usedMs: number;
}

/** As long as a period of the kernel's own quotas: what was not used in it is lost. */
const periodMs = 100;
const lookEveryMs = 10;
/** Used time is told in ticks of 10 ms: with less to save up than two of them, what one tick tells at once would be a debt. */
const leastSavingsMs = 20;

/**
 * Leaves what it watches so many processors, as a quota of the kernel does: it may use its share of a period at once, is held
 * still when it has used more, and goes on when it has waited for that.
 * @param processors 0.2 is a fifth of one
 * @param over ends it; then what it watches is not held
 */
export async function throttle(
  throttled: Throttled,
  processors: number,
  clock: Clock,
  over: AbortSignal,
  onFigures: (figures: ThrottleFigures) => void,
): Promise<void> {
  const startMs = clock.nowMs();
  const usedAtStartMs = throttled.usedMs() ?? 0;
  let lastMs = startMs;
  let lastUsedMs = usedAtStartMs;
  let creditMs = 0;
  let heldMs = 0;
  let holds = 0;
  try {
    for (;;) {
      const usedMs = throttled.usedMs();
      if (usedMs === undefined) return;
      const nowMs = clock.nowMs();
      creditMs = Math.min(
        creditMs + (nowMs - lastMs) * processors - (usedMs - lastUsedMs),
        Math.max(periodMs * processors, leastSavingsMs),
      );
      [lastMs, lastUsedMs] = [nowMs, usedMs];
      onFigures({ watchedMs: nowMs - startMs, heldMs, holds, usedMs: usedMs - usedAtStartMs });
      if (creditMs >= 0) await clock.sleep(lookEveryMs, over);
      else {
        throttled.hold();
        holds += 1;
        // Until it has what it owes and something to go on with.
        await clock.sleep(-creditMs / processors + periodMs / 2, over);
        heldMs += clock.nowMs() - nowMs;
        throttled.resume();
      }
    }
  } catch (error) {
    if (!over.aborted) throw error;
  } finally {
    throttled.resume();
  }
}
