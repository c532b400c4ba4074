import { formatSize } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Its volume is full: what it writes is refused. */
export const diskFull: ProcessFaultKind<ProcessFaultOf<"disk-full">> = {
  describe: ({ process, leaveBytes }) => `full disk of ${process}, ${formatSize(leaveBytes)} left`,
  ask: ({ leaveBytes }) => ({ change: "fillDisk", wanted: { leaveBytes } }),
};
