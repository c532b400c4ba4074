import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** The caller's connection is reset: before the callee hears of the call, or in the middle of the answer. */
export const httpAbort = httpFault<FaultOf<"http-abort">>(
  "http_abort",
  ({ when }, calls) => `reset ${when === "before-call" ? "instead of" : "amid answers of"} ${calls}`,
  ({ when }) => ({ when }),
);
