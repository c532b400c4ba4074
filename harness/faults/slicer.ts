import { formatDuration, formatSize } from "../base/units.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** Data arrives in small pieces with a pause between them; Toxiproxy counts that pause in microseconds. */
export const slicer = toxicFault<FaultOf<"slicer">>(
  "slicer",
  ({ averageSizeBytes, delayMs }) =>
    `data sliced into ${formatSize(averageSizeBytes)}${delayMs === 0 ? "" : ` every ${formatDuration(delayMs)}`}`,
  ({ averageSizeBytes, sizeVariationBytes, delayMs }) => ({
    average_size: Math.round(averageSizeBytes),
    size_variation: Math.round(sizeVariationBytes),
    delay: Math.round(delayMs * 1_000),
  }),
  () => ({ kind: "carried" }),
);
