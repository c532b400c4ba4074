import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { systemClock } from "../base/clock.ts";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";
import { identify, isAlive } from "./process-identity.ts";
import { anotherUsers, makeFolder, type StateFolder } from "./state-folder.ts";

/**
 * One at a time: whoever uses a fleet holds its lock. The lock is the system's own, on a file, by way of SQLite: it is
 * gone the moment its holder is, however that ended, so there is no stale lock to tell from a live one and no race in
 * taking it over. Who holds it is written beside it, for people to read.
 */

/** Where a lock lies, and who holds it is written. */
export type LockFolder = Pick<StateFolder, "path" | "lock" | "lockHolder">;

const holderSchema = z.object({
  pid: z.int(),
  startTime: z.string().optional(),
  what: z.string(),
  sinceMs: z.number(),
});
export type LockHolder = Readonly<z.output<typeof holderSchema>>;

/** How long it takes a holder to write who it is, at most. */
const holderKnownWithinMs = 1_000;
const retryEveryMs = 20;

/**
 * Takes the lock for this process until it is disposed of.
 * @param what for whoever finds it held: "run chaos/order-database-cut.yaml"
 * @throws {SQUALL_LOCKED} naming who holds it, for what and since when
 */
export async function acquireLock(folder: LockFolder, what: string): Promise<AsyncDisposable> {
  makeFolder(folder.path);
  const deadlineMs = systemClock.nowMs() + holderKnownWithinMs;
  for (;;) {
    const held = tryLock(folder);
    if (held !== undefined) {
      const holder: LockHolder = { pid: process.pid, ...identify(process.pid), what, sinceMs: Date.now() };
      writeFileSync(folder.lockHolder, JSON.stringify(holder));
      return {
        async [Symbol.asyncDispose]() {
          if (!held.isOpen) return;
          rmSync(folder.lockHolder, { force: true });
          held.close();
        },
      };
    }
    const holder = readLock(folder);
    if (holder !== undefined) throw locked(holder);
    if (systemClock.nowMs() > deadlineMs)
      throw new SquallError("SQUALL_LOCKED", "the fleet is held by a process that does not say who it is");
    await systemClock.sleep(retryEveryMs); // its holder has just come, or just gone
  }
}

/** Who holds the lock; `undefined` when nobody does. */
export function readLock(folder: LockFolder): LockHolder | undefined {
  let holder: LockHolder | undefined;
  try {
    holder = holderSchema.safeParse(JSON.parse(readFileSync(folder.lockHolder, "utf8"))).data;
  } catch {
    return undefined; // not there, or not whole yet
  }
  return holder && isAlive(holder) ? holder : undefined;
}

function tryLock(folder: LockFolder): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(folder.lock, { timeout: 0 });
    database.exec("begin exclusive");
    return database;
  } catch (error) {
    if (database?.isOpen === true) database.close();
    if (isBusy(error)) return undefined;
    throw new SquallError("SQUALL_FILE", `cannot lock ${folder.lock}: ${messageOf(error)}`, {
      hint: anotherUsers(folder),
      cause: error,
    });
  }
}

const sqliteBusy = 5;

function isBusy(error: unknown): boolean {
  return (
    systemErrorCode(error) === "ERR_SQLITE_ERROR" &&
    error instanceof Error &&
    "errcode" in error &&
    error.errcode === sqliteBusy
  );
}

function locked({ pid, what, sinceMs }: LockHolder): SquallError {
  const since = new Date(sinceMs).toLocaleTimeString("en-GB");
  return new SquallError(
    "SQUALL_LOCKED",
    `the fleet is in use since ${since}: "${what}" (process ${pid}) holds it`,
    { hint: "wait until it ends, or end that process" },
  );
}
