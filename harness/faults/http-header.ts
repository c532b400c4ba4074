import { httpFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** Headers are set or removed. */
export const httpHeader = httpFault<FaultOf<"http-header">>(
  "http_header",
  ({ set, remove, stream }, calls) => {
    const done = [
      ...Object.entries(set).map(([name, value]) => `${name} set to "${value}"`),
      ...remove.map((name) => `${name} removed`),
    ].join(" and ");
    return `header ${done} in ${stream === "upstream" ? "requests" : "answers"} of ${calls}`;
  },
  ({ set, remove }) => ({ set, remove }),
);
