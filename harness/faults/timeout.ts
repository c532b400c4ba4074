import { formatDuration } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** Bytes vanish; the connection closes `afterMs` later, or never (a black hole) when that is 0. */
export const timeout = toxicFault<FaultOf<"timeout">>(
  "timeout",
  ({ afterMs }) => (afterMs === 0 ? "black hole" : `black hole, closed after ${formatDuration(afterMs)}`),
  ({ afterMs }) => ({ timeout: Math.round(afterMs) }),
  () => ({ kind: "kept" }),
);
