import { formatSize } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** The connection closes once it has carried `sizeBytes`. */
export const limitData = toxicFault<FaultOf<"limit-data">>(
  "limit_data",
  ({ sizeBytes }) => `connection closed after ${formatSize(sizeBytes)}`,
  ({ sizeBytes }) => ({ bytes: Math.round(sizeBytes) }),
  () => ({ kind: "kept" }),
);
