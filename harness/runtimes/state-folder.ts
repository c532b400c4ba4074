import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { SquallError, messageOf } from "../base/errors.ts";
import type { Target } from "../target/target.ts";

/**
 * `.squall/` beside the target's file: what a fleet of local processes leaves on disk.
 *
 *   .squall/
 *     fleet.json       what is running (gone when nothing is)
 *     lock.db          held by whoever uses the fleet; lock.json says who that is
 *     change.db        held by whoever starts or stops replicas, also while a run uses the fleet; change.json likewise
 *     record.db        held while fleet.json and what runs are changed together; record.json likewise
 *     postgres/        binaries and data folders; a link to elsewhere when PostgreSQL's user cannot come in here
 *     compile-cache/   Node's, so that services start faster the second time
 *     folders/         what the target's services keep in the folders that they share
 */
export interface StateFolder {
  readonly path: string;
  readonly fleet: string;
  readonly lock: string;
  readonly lockHolder: string;
  readonly changeLock: string;
  readonly changeLockHolder: string;
  readonly recordLock: string;
  readonly recordLockHolder: string;
  readonly postgres: string;
  readonly compileCache: string;
  readonly sharedFolders: string;
}

export function stateFolderOf(target: Pick<Target, "file">): StateFolder {
  return stateFolder(join(dirname(target.file), ".squall"));
}

/** The paths within a state folder; touches no disk. */
export function stateFolder(path: string): StateFolder {
  return {
    path,
    fleet: join(path, "fleet.json"),
    lock: join(path, "lock.db"),
    lockHolder: join(path, "lock.json"),
    changeLock: join(path, "change.db"),
    changeLockHolder: join(path, "change.json"),
    recordLock: join(path, "record.db"),
    recordLockHolder: join(path, "record.json"),
    postgres: join(path, "postgres"),
    compileCache: join(path, "compile-cache"),
    sharedFolders: join(path, "folders"),
  };
}

/** What to do about a state folder that cannot be used, in one line. */
export function anotherUsers({ path }: Pick<StateFolder, "path">): string {
  return `if another user made ${path}, run Squall as that user, or remove the folder`;
}

/** @throws {SQUALL_FILE} when it cannot be made */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot make the folder ${path}: ${messageOf(error)}`, {
      hint: "the folder that it lies in must be writable for whoever runs Squall",
      cause: error,
    });
  }
}
