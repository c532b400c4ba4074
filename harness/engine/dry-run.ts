import type { Clock } from "../base/clock.ts";
import { virtualClock } from "../base/virtual-clock.ts";
import { notedDeeds } from "./noted-deeds.ts";
import { notedRuntime } from "./noted-runtime.ts";
import type { Note, PlannedDeed } from "./planned-deed.ts";
import { carryOut, type RunOptions } from "./run.ts";

/**
 * A dry run is a run on another clock, whose deeds are taken down and not done: what it tells is told by the code that
 * would do it.
 *
 *   RunOptions ─carryOut→ notedDeeds, notedRuntime ─→ PlannedDeed, PlannedDeed, …
 *
 * @returns all that the run would do, in order
 * @throws {SQUALL_LIMITS} when it goes beyond the limits of its target
 * @throws {SQUALL_UNSUPPORTED} when the experiment breaks processes in a way that the runtime cannot
 */
export async function dryRun(
  options: Omit<RunOptions, "interrupt" | "observer"> & { readonly clock: Clock },
): Promise<readonly PlannedDeed[]> {
  const deeds: (PlannedDeed & { readonly atMs: number })[] = [];
  const clock = virtualClock(options.clock.nowMs());
  let zeroMs = Infinity;
  const note: Note = (deed) => void deeds.push({ ...deed, atMs: clock.nowMs() });
  await carryOut(
    {
      ...options,
      runtime: notedRuntime(options.runtime, note),
      interrupt: new AbortController().signal,
      observer: {
        onJournal(line) {
          if (line.event === "load-started") zeroMs = line.zeroMs;
        },
        onLive: () => undefined,
      },
    },
    notedDeeds(clock, note),
    () => Promise.resolve(note({ kind: "collect", text: "judge, and write the reports" })),
  );
  return deeds.map(({ atMs, ...deed }) => (atMs < zeroMs ? deed : { ...deed, atMs: atMs - zeroMs }));
}
