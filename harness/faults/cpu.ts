import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Slow, for want of processor time. */
export const cpu: ProcessFaultKind<ProcessFaultOf<"cpu">> = {
  describe: ({ process, processors }) => `limit of ${processors} processors for ${process}`,
  ask: ({ processors }) => ({ change: "limitCpu", wanted: { processors } }),
};
