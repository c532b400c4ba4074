import { delayAttributes, describeDelay, leastDelayMs } from "./delay.ts";
import { toxicFault, type FaultOf } from "./fault-kind.ts";

/** Each chunk arrives later. */
export const latency = toxicFault<FaultOf<"latency">>(
  "latency",
  (fault) => `latency of ${describeDelay(fault)}`,
  (fault) => {
    const { delayMs, spread } = delayAttributes(fault);
    return { latency: delayMs, ...spread };
  },
  (fault) => ({ kind: "delayed", leastMs: leastDelayMs(fault) }),
);
