import type { Completion, HistoryLine } from "../record/history.ts";

/** How often a step of a journey ended so. */
export interface StepCount {
  readonly journey: string;
  readonly step: string;
  readonly completion: Completion;
  readonly count: number;
}

/** Counts what became of operations by their step, from one look at it to the next. */
export interface StepCounter {
  /** Lines of whole journeys are left out. */
  add(line: HistoryLine): void;
  /** @returns what was counted since the last time */
  take(): readonly StepCount[];
}

export function createStepCounter(): StepCounter {
  const counts = new Map<string, StepCount>();
  return {
    add(line) {
      if (line.kind !== "operation") return;
      const { journey, step, completion } = line;
      const key = JSON.stringify([journey, step, completion]);
      counts.set(key, { journey, step, completion, count: (counts.get(key)?.count ?? 0) + 1 });
    },
    take() {
      const taken = [...counts.values()];
      counts.clear();
      return taken;
    },
  };
}
