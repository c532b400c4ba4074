import type { ProcessChanges } from "../runtimes/process-change.ts";
import type { Runtime } from "../runtimes/runtime.ts";

/** A runtime without a fleet, whose processes are changed as a test says. */
export function toyRuntime<C extends Partial<ProcessChanges>>(changes: C): Runtime & C {
  const none = (): Promise<never> => Promise.reject(new Error("the toy runtime has no fleet"));
  return {
    name: "process",
    start: none,
    stateFolder: () => "/nonexistent/state",
    lock: none,
    attach: () => Promise.resolve(undefined),
    cleanUp: () => Promise.resolve([]),
    ...changes,
  };
}
