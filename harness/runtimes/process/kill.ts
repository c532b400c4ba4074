import type { Nothing, ProcessChange } from "../process-change.ts";
import { endAtOnce } from "./end-processes.ts";
import { beforeOf, recordedProcess } from "./recorded-process.ts";
import { startAgain } from "./start-again.ts";

/** A service or a store dies as in a crash, with all that it started. */
export const kill: ProcessChange<Nothing> = {
  how: "SIGKILL",
  before: (target, name) => beforeOf(target, name),
  async make(target, name) {
    await endAtOnce(recordedProcess(target, name).process);
  },
  takeBack: startAgain,
};
