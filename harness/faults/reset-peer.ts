import { formatDuration } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** The connection is reset (RST) `afterMs` after it carries something. */
export const resetPeer = toxicFault<FaultOf<"reset-peer">>(
  "reset_peer",
  ({ afterMs }) => (afterMs === 0 ? "connection reset" : `connection reset after ${formatDuration(afterMs)}`),
  ({ afterMs }) => ({ timeout: Math.round(afterMs) }),
  () => ({ kind: "kept" }),
);
