/**
 * What `npm test` runs: the tests, and beside them, at a lower priority, every check of the code, since tests mostly wait.
 * What the checks have to say comes last. Arguments are passed on to vitest.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const folder = import.meta.dirname;

const check = spawn(process.execPath, [join(folder, "check.ts")], { stdio: ["ignore", "ignore", "pipe"] });
if (check.pid !== undefined) setPriority(check.pid, constants.priority.PRIORITY_LOW);
const checked = Promise.all([text(check.stderr), exitCodeOf(check)]);

const vitest = join(folder, "../node_modules/vitest/vitest.mjs");
const tests = spawn(process.execPath, [vitest, "run", ...process.argv.slice(2)], { stdio: "inherit" });

const testsCode = await exitCodeOf(tests);
const [said, checkCode] = await checked;
process.stderr.write(said);
console.log(
  checkCode === 0 ? "format, lint, types and boundaries: in order" : "the code did not pass its checks",
);
process.exitCode = testsCode === 0 && checkCode === 0 ? 0 : 1;

async function exitCodeOf(child: ReturnType<typeof spawn>): Promise<number | null> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}
