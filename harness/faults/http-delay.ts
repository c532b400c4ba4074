import { httpFault } from "./call-fault-kind.ts";
import { delayAttributes, describeDelay } from "./delay.ts";
import type { FaultOf } from "./fault-kind.ts";

/** The call, the head of its answer or each piece of the answer's body comes later. */
export const httpDelay = httpFault<FaultOf<"http-delay">>(
  "http_delay",
  (fault, calls) => {
    const delay = `delay of ${describeDelay(fault)}`;
    switch (fault.before) {
      case "call":
        return `${delay} before ${calls}`;
      case "answer":
        return `${delay} before answers of ${calls}`;
      case "piece":
        return `${delay} before each piece of answers of ${calls}`;
    }
  },
  (fault) => {
    const { delayMs, spread } = delayAttributes(fault);
    return { delay: delayMs, ...spread, before: fault.before };
  },
);
