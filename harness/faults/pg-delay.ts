import { postgresFault } from "./call-fault-kind.ts";
import { delayAttributes, describeDelay } from "./delay.ts";
import type { FaultOf } from "./fault-kind.ts";

/** A statement reaches the server later. */
export const pgDelay = postgresFault<FaultOf<"pg-delay">>(
  "pg_delay",
  (fault, statements) => `delay of ${describeDelay(fault)} before ${statements}`,
  (fault) => {
    const { delayMs, spread } = delayAttributes(fault);
    return { delay: delayMs, ...spread };
  },
);
