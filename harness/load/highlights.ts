import type { HistoryLine } from "../record/history.ts";

/** What of a load is worth a look first: where to find its slowest operations, and what its errors said. */
export interface Highlights {
  /** Slowest first. */
  readonly slowest: readonly SlowOperation[];
  /** Most frequent first. */
  readonly errors: readonly ErrorGroup[];
}

export interface SlowOperation {
  readonly journey: string;
  readonly step: string;
  /** From the intended start. */
  readonly latencyMs: number;
  /** Why it did not end ok. */
  readonly errorKind?: string;
  readonly traceId: string;
}

/** Journeys of one name that ended with one kind of error. */
export interface ErrorGroup {
  readonly journey: string;
  readonly kind: string;
  readonly count: number;
  /** Steps that ended so; none where the journey's own code did. */
  readonly steps: readonly string[];
  /** What the first of them said. */
  readonly message: string;
}

export interface HighlightsKeeper {
  add(line: HistoryLine): void;
  highlights(): Highlights;
}

const mostSlowest = 5;
/** Kinds of errors are few; a server that invents statuses must not fill the memory. */
const mostGroups = 200;

export function keepHighlights(): HighlightsKeeper {
  const slowest: SlowOperation[] = [];
  const groups = new Map<string, { journey: string; kind: string; count: number; message: string }>();
  const steps = new Map<string, Set<string>>();
  const keyOf = (journey: string, kind: string): string => `${journey}\0${kind}`;

  const addSlow = (operation: SlowOperation): void => {
    const last = slowest[mostSlowest - 1];
    if (last !== undefined && last.latencyMs >= operation.latencyMs) return;
    slowest.push(operation);
    slowest.sort((one, other) => other.latencyMs - one.latencyMs);
    slowest.length = Math.min(slowest.length, mostSlowest);
  };
  return {
    add(line) {
      const { journey, error } = line;
      const key = error === undefined ? undefined : keyOf(journey, error.kind);
      if (line.kind === "operation") {
        const { step, intendedMs, endedMs, traceId = "" } = line;
        const errorKind = error === undefined ? {} : { errorKind: error.kind };
        if (line.sentMs !== undefined)
          addSlow({ journey, step, latencyMs: endedMs - intendedMs, ...errorKind, traceId });
        if (key === undefined || (!steps.has(key) && steps.size === mostGroups)) return;
        steps.set(key, (steps.get(key) ?? new Set<string>()).add(step));
      } else if (error !== undefined && key !== undefined) {
        const group = groups.get(key);
        if (group !== undefined) group.count += 1;
        else if (groups.size < mostGroups) groups.set(key, { journey, ...error, count: 1 });
      }
    },
    highlights: () => ({
      slowest: [...slowest],
      errors: Array.from(groups, ([key, group]) => ({ ...group, steps: [...(steps.get(key) ?? [])] })).sort(
        (one, other) => other.count - one.count,
      ),
    }),
  };
}
