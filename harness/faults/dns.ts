import { formatDuration } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** The name of a callee leads nowhere, or is told late. */
export const dns: ProcessFaultKind<ProcessFaultOf<"dns">> = {
  describe: ({ process, callee, delayMs }) =>
    delayMs === undefined
      ? `name of ${callee} unknown to ${process}`
      : `name of ${callee} told to ${process} ${formatDuration(delayMs)} late`,
  ask: ({ callee, delayMs }) => ({ change: "breakName", wanted: { name: callee, delayMs } }),
};
