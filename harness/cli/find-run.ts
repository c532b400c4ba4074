import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SquallError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";

/** The folder of a run that a user named. @throws {SQUALL_USAGE} when there is none */
export function findRun(run: string, runsFolder: string): string {
  const names = existsSync(runsFolder) ? readdirSync(runsFolder).sort() : [];
  if (run === "latest") {
    const latest = names.at(-1);
    if (latest === undefined) throw new SquallError("SQUALL_USAGE", `there is no run in ${runsFolder}`);
    return join(runsFolder, latest);
  }
  if (names.includes(run)) return join(runsFolder, run);
  if (existsSync(run)) return run;
  const near = nearest(run, ["latest", ...names]) ?? names.at(-1);
  throw new SquallError("SQUALL_USAGE", `there is no run "${run}" in ${runsFolder}`, {
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
