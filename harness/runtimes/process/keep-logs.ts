import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { copyTail } from "../../base/tail.ts";
import type { KeptLogs } from "../runtime.ts";

/** Copies what is logged in one folder from now on to another when it is settled; nothing where both are the same. */
export function keepLogs(from: string, to: string): KeptLogs {
  const names = (): readonly string[] => (from === to ? [] : readdirSync(from));
  const startBytes = new Map(names().map((name) => [name, statSync(join(from, name)).size]));
  // A replica that was started meanwhile has a file that is new.
  const copy = (): void => {
    for (const name of names()) copyTail(join(from, name), join(to, name), startBytes.get(name) ?? 0);
  };
  return {
    async settle() {
      copy();
      return [];
    },
    async [Symbol.asyncDispose]() {
      copy();
    },
  };
}
