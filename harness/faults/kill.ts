import type { ProcessFaultKind, ProcessFaultOf } from "./process-fault-kind.ts";

/** Ended without a goodbye, as by a crash; started again at the end, or at once. */
export const kill: ProcessFaultKind<ProcessFaultOf<"kill">> = {
  describe: ({ process, isRestarted }) => `${isRestarted ? "crash and restart" : "kill"} of ${process}`,
  ask: () => ({ change: "kill", wanted: {} }),
  pace: ({ isRestarted }) => ({ kind: isRestarted ? "at-once" : "until-undone" }),
};
