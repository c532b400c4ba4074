import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** The callee is not asked; the caller is answered with a status. */
export const httpStatus = httpFault<FaultOf<"http-status">>(
  "http_status",
  ({ status }, calls) => `answer ${status} instead of ${calls}`,
  ({ status, body, headers }) => ({ status, body, headers }),
);
