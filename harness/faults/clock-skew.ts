import { formatDuration } from "../base/units.ts";
import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Sees another time than everybody else. */
export const clockSkew: ProcessFaultKind<ProcessFaultOf<"clock-skew">> = {
  describe: ({ process, offsetMs }) =>
    `clock of ${process} ${formatDuration(Math.abs(offsetMs))} ${offsetMs < 0 ? "behind" : "ahead"}`,
  ask: ({ offsetMs }) => ({ change: "skewClock", wanted: { offsetMs } }),
};
