import { formatSize } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** A connection carries no more than `rateBytesPerSecond`; Toxiproxy counts in KB/s. */
export const bandwidth = toxicFault<FaultOf<"bandwidth">>(
  "bandwidth",
  ({ rateBytesPerSecond }) => `bandwidth of ${formatSize(rateBytesPerSecond)}/s`,
  ({ rateBytesPerSecond }) => ({ rate: Math.round(rateBytesPerSecond / 1_000) }),
  () => ({ kind: "carried" }),
);
