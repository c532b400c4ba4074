import { formatDuration } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Asked to end, and given time for it, as before a deployment; started again at the end. */
export const stop: ProcessFaultKind<ProcessFaultOf<"stop">> = {
  describe: ({ process, withinMs }) => `stop of ${process} within ${formatDuration(withinMs)}`,
  ask: ({ withinMs }) => ({ change: "stop", wanted: { withinMs } }),
};
