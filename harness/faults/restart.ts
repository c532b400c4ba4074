import { formatDuration } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Asked to end, given time for it, and started again at once. */
export const restart: ProcessFaultKind<ProcessFaultOf<"restart">> = {
  describe: ({ process, withinMs }) => `restart of ${process}, ended within ${formatDuration(withinMs)}`,
  ask: ({ withinMs }) => ({ change: "stop", wanted: { withinMs } }),
  pace: () => ({ kind: "at-once" }),
};
