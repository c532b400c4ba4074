import { formatDuration } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** Each chunk arrives `delayMs` later, give or take `jitterMs`. */
export const latency = toxicFault<FaultOf<"latency">>(
  "latency",
  ({ delayMs, jitterMs }) =>
    `latency of ${formatDuration(delayMs)}${jitterMs === 0 ? "" : ` ± ${formatDuration(jitterMs)}`}`,
  ({ delayMs, jitterMs }) => ({ latency: Math.round(delayMs), jitter: Math.round(jitterMs) }),
);
