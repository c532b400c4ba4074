import { formatDuration } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** The connection closes `delayMs` later than it was closed. */
export const slowClose = toxicFault<FaultOf<"slow-close">>(
  "slow_close",
  ({ delayMs }) => `close delayed by ${formatDuration(delayMs)}`,
  ({ delayMs }) => ({ delay: Math.round(delayMs) }),
  () => ({ kind: "ended" }),
);
