import { formatDuration } from "../base/units.ts";
import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** The call is delivered a second time, `delayMs` after the first was answered; that answer is dropped. */
export const httpDuplicate = httpFault<FaultOf<"http-duplicate">>(
  "http_duplicate",
  ({ delayMs }, calls) =>
    `second delivery${delayMs === 0 ? "" : ` ${formatDuration(delayMs)} later`} of ${calls}`,
  ({ delayMs }) => ({ delay: Math.round(delayMs) }),
);
