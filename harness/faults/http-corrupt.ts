import { formatSize } from "../base/units.ts";
import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** Bytes of a body, or one field of a JSON body, arrive as something else. */
export const httpCorrupt = httpFault<FaultOf<"http-corrupt">>(
  "http_corrupt",
  ({ change, stream }, calls) => {
    const what =
      change.of === "bytes"
        ? `bytes changed (${formatSize(change.sizeBytes)})`
        : `${change.pointer} set to ${JSON.stringify(change.value)}`;
    return `${what} in ${stream === "upstream" ? "requests" : "answers"} of ${calls}`;
  },
  ({ change }) =>
    change.of === "bytes"
      ? { bytes: Math.round(change.sizeBytes) }
      : { field: change.pointer, value: change.value },
);
