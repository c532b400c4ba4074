import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Cut off from its networks or from one peer: what is sent is lost, no connection ends. */
export const partition: ProcessFaultKind<ProcessFaultOf<"partition">> = {
  describe: ({ process, from }) => `partition of ${process}${from === undefined ? "" : ` from ${from}`}`,
  ask: ({ from }) => ({ change: "partition", wanted: { from } }),
};
