import type { Nothing, ProcessChange } from "../process-change.ts";
import { holdStill, isHeldStill, resume } from "./held-still.ts";
import { beforeOf, changedProcess, requireAlive } from "./recorded-process.ts";
import { startAgain } from "./start-again.ts";

/** A service or a store is held still, with all that it started. Linux alone tells what that is. */
export const pause: ProcessChange<Nothing> = {
  how: "held still by SIGSTOP",
  before: (target, name) => beforeOf(target, name),
  async make(target, name, _wanted, signal) {
    await holdStill(requireAlive(target, name), signal);
  },
  async evidence(target, name, before) {
    const changed = changedProcess(target, name, before);
    return changed !== undefined && isHeldStill(changed.process)
      ? { bit: true, detail: `${name} was held still to the end` }
      : { bit: false, detail: `${name} was not held still to the end: somebody else woke or ended it` };
  },
  async takeBack(target, name, before, signal) {
    const changed = changedProcess(target, name, before);
    if (changed !== undefined) resume(changed.process);
    await startAgain(target, name, before, signal);
  },
};
