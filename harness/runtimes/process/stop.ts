import type { ProcessChange, Wanted } from "../process-change.ts";
import { endInOrder } from "./end-processes.ts";
import { beforeOf, record, recordedProcess } from "./recorded-process.ts";
import { startAgain } from "./start-again.ts";

/** A service or a store is asked to end, and given so long for it. */
export const stop: ProcessChange<Wanted["stop"]> = {
  how: "SIGTERM, and SIGKILL where that does not help",
  before: (target, name) => beforeOf(target, name),
  async make(target, name, { withinMs }, signal) {
    const { folder, process } = recordedProcess(target, name);
    // One that was asked to end may answer for a while yet: whoever takes this back has to know.
    record(folder, process, { ...process, isEnding: true });
    await endInOrder(process, withinMs, signal);
  },
  takeBack: startAgain,
};
