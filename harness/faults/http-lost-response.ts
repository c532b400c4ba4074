import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** The callee does what it was asked; the caller never hears. */
export const httpLostResponse = httpFault<FaultOf<"http-lost-response">>(
  "http_lost_response",
  ({ ending }, calls) => {
    switch (ending) {
      case "reset":
        return `lost answers of ${calls}`;
      case "close":
        return `lost answers (closed, not reset) of ${calls}`;
      case "hang":
        return `lost answers (left hanging) of ${calls}`;
    }
  },
  ({ ending }) => ({ then: ending }),
);
