import type { PhaseName } from "../record/journal.ts";

/** One phase of a run, in milliseconds from the start of the load. `endMs` is the next phase's `startMs`. */
export interface Phase {
  readonly phase: PhaseName;
  readonly startMs: number;
  readonly endMs: number;
}

/** The phases of a run in order, without those of no length. Never empty of `fault`. */
export type Timeline = readonly Phase[];

/** Lays the phases end to end. */
export function planTimeline(durationsMs: Readonly<Record<PhaseName, number>>): Timeline {
  const order: readonly PhaseName[] = ["warmup", "baseline", "fault", "recovery"];
  let startMs = 0;
  return order
    .map((phase) => {
      const endMs = startMs + durationsMs[phase];
      const planned: Phase = { phase, startMs, endMs };
      startMs = endMs;
      return planned;
    })
    .filter((planned) => planned.endMs > planned.startMs);
}

/** @param atMs milliseconds from the start of the load */
export function isWithin({ startMs, endMs }: Pick<Phase, "startMs" | "endMs">, atMs: number): boolean {
  return atMs >= startMs && atMs < endMs;
}

/** Length of the whole, in milliseconds. */
export function durationOf(timeline: Timeline): number {
  return timeline.at(-1)?.endMs ?? 0;
}
