import { formatDuration } from "../base/units.ts";
import type { JournalLine } from "../record/journal.ts";
import { kindOf, type Target } from "../target/target.ts";
import { find } from "./evidence.ts";

/** A process that ended during a run without a fault of the run having meant it. */
export interface UnbiddenEnd {
  readonly text: string;
  /**
   * Whether what was measured can say nothing of the fault then: somebody else broke the system too, or a part of the harness
   * went. What ended by itself is the system's own doing, of which the hypothesis tells what to think.
   */
  readonly isWeak: boolean;
}

export function unbiddenEnds(journal: readonly JournalLine[], target: Target): readonly UnbiddenEnd[] {
  const meant = new Set(
    journal.flatMap((line) => (line.event === "fault-injected" ? (line.process ?? []) : [])),
  );
  const zeroMs = find(journal, "load-started")?.zeroMs;
  return journal.flatMap((line) => {
    if (line.event !== "process-ended" || meant.has(line.process) || meant.has(line.part)) return [];
    const when =
      zeroMs === undefined ? "before the load" : `at ${formatDuration(Math.max(0, line.endedAtMs - zeroMs))}`;
    const isOurs = kindOf(target, line.part) === undefined;
    const who = {
      itself: "ended by itself",
      memory: "was ended by the kernel for want of memory",
      somebody: "was ended from outside, by no fault of this run",
    }[line.by];
    const why = isOurs ? ": what it carried or took then is not in the evidence" : "";
    return [
      {
        text: `${line.process} ${who} ${when} (${line.detail})${why}`,
        isWeak: isOurs || line.by === "somebody",
      },
    ];
  });
}
