import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { identify } from "../process-identity.ts";

/** What is not whole yet is called `<name>.<any>.<pid of its maker>.partial`. */
const partialEnding = ".partial";

/**
 * Makes a folder that never changes once it is there, however many processes set about it at once and wherever one of
 * them is killed: each makes its own beside it, and the first to be done gives it its name.
 * @param make makes it under the name it is given
 */
export async function makeOnce(folder: string, make: (partial: string) => Promise<void>): Promise<void> {
  if (existsSync(folder)) return;
  for (const abandoned of partialsIn(dirname(folder)).filter(isAbandoned)) remove(abandoned);
  const partial = `${folder}.${randomUUID()}.${process.pid}${partialEnding}`;
  try {
    await make(partial);
    renameSync(partial, folder);
  } catch (error) {
    remove(partial);
    if (!existsSync(folder)) throw error; // else another was first
  }
}

/** Folders that were begun, and are not whole; absolute paths. */
export function partialsIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(partialEnding))
    .map((name) => join(folder, name));
}

function isAbandoned(partial: string): boolean {
  const pid = Number(basename(partial, partialEnding).split(".").at(-1));
  return identify(pid) === undefined;
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
