import { waitAtMost, waitFor } from "../../base/wait.ts";
import { acquireLock } from "../lock.ts";
import type { StateFolder } from "../state-folder.ts";

/**
 * Whoever starts a process of a fleet that is up holds its record for that moment: looks at it, starts, writes down. So
 * neither do two start the same process, nor does a fleet end without one that is just being started.
 */

const retry = { what: "the record of the fleet", everyMs: 10 } as const;
/** As long as the end of a fleet may hold it. */
const startWithinMs = 30_000;
/** Who starts a process holds it for some milliseconds; one who is held still meanwhile must not keep a fleet alive. */
const endWithinMs = 5_000;

/** @throws {SQUALL_TIMEOUT} @throws the signal's reason, when it aborts first */
export function holdRecordToStart(folder: StateFolder, signal: AbortSignal): Promise<AsyncDisposable> {
  return waitFor({ ...retry, withinMs: startWithinMs, signal }, () => lock(folder, "start a process"));
}

/** @returns nothing where somebody does not let go of it: then a fleet ends all the same */
export function holdRecordToEnd(folder: StateFolder): Promise<AsyncDisposable | undefined> {
  return waitAtMost({ ...retry, withinMs: endWithinMs }, () => lock(folder, "end the fleet"));
}

function lock({ path, recordLock, recordLockHolder }: StateFolder, what: string): Promise<AsyncDisposable> {
  return acquireLock({ path, lock: recordLock, lockHolder: recordLockHolder }, what);
}
