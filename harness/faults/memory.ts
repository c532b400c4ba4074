import { formatSize } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Killed by the kernel when it takes more than this. */
export const memory: ProcessFaultKind<ProcessFaultOf<"memory">> = {
  describe: ({ process, limitBytes }) => `limit of ${formatSize(limitBytes)} of memory for ${process}`,
  ask: ({ limitBytes }) => ({ change: "limitMemory", wanted: { bytes: limitBytes } }),
};
