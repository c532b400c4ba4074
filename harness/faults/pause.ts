import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Held still: its connections stay open, and nothing is answered. */
export const pause: ProcessFaultKind<ProcessFaultOf<"pause">> = {
  describe: ({ process }) => `pause of ${process}`,
  ask: () => ({ change: "pause", wanted: {} }),
};
