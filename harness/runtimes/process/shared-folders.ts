import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "../../target/target.ts";
import { makeFolder, type StateFolder } from "../state-folder.ts";

/**
 * Makes the folders that a target's services share, for the eyes of the user who runs Squall alone: what services keep in
 * them, such as keys, is theirs. They stay when the fleet ends, so that the next one finds what this one left.
 * @returns the variables by which the services are told
 * @throws {SQUALL_FILE} when one cannot be made
 */
export function makeSharedFolders(
  { sharedFolders }: StateFolder,
  { folders }: Pick<Target, "folders">,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(folders).map(([name, { env }]) => {
      const path = join(sharedFolders, name);
      makeFolder(path);
      chmodSync(path, 0o700);
      return [env, path];
    }),
  );
}
