import { formatDuration } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Crashes, is started again, crashes again. */
export const crashLoop: ProcessFaultKind<ProcessFaultOf<"crash-loop">> = {
  describe: ({ process, everyMs }) => `crash of ${process} every ${formatDuration(everyMs)}`,
  ask: () => ({ change: "kill", wanted: {} }),
  pace: ({ everyMs }) => ({ kind: "again", everyMs }),
};
