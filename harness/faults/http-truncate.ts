import { formatSize } from "../base/units.ts";
import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** A body ends after `sizeBytes`, and its connection with it. */
export const httpTruncate = httpFault<FaultOf<"http-truncate">>(
  "http_truncate",
  ({ sizeBytes, stream }, calls) =>
    `body cut off after ${formatSize(sizeBytes)} in ${stream === "upstream" ? "requests" : "answers"} of ${calls}`,
  ({ sizeBytes }) => ({ bytes: Math.round(sizeBytes) }),
);
