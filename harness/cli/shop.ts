import { join, relative } from "node:path";
import { loadTarget } from "../target/load-target.ts";
import type { Target } from "../target/target.ts";

/** The target of commands that are given none: the reference shop of this package, wherever the package lies. */
export const shopFile = join(import.meta.dirname, "../../target-system/target.yaml");

/** Text for the help of an argument that names a target. */
export const targetHelp = "the target's file; by default the reference shop";

/** The target that a command was given, or the shop. @throws {SQUALL_FILE|SQUALL_INVALID_DOCUMENT} */
export function targetOrShop(file: string | undefined): Target {
  return loadTarget(file ?? relative(".", shopFile));
}
