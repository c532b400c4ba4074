import { formatSize } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Its volume is full: what it writes is refused. */
export const diskFull: ProcessFaultKind<ProcessFaultOf<"disk-full">> = {
  describe: ({ process, path, leaveBytes }) =>
    `full disk of ${process}${path === undefined ? "" : ` at ${path}`}, ${formatSize(leaveBytes)} left`,
  ask: ({ path, leaveBytes }) => ({ change: "fillDisk", wanted: { leaveBytes, path } }),
};
