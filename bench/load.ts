/**
 * All benches of the load, one after the other; each can be run by itself and says what it measures. Some six minutes on
 * a machine that does nothing else; installs what it is compared with where that is missing.
 *
 *   node bench/load.ts
 *
 * Exits 1 when one of them missed a goal.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const benches = ["open-loop.ts", "closed-loop.ts", "lateness.ts"];

for (const bench of benches) {
  console.log(`\n${bench}`);
  const { status } = spawnSync(process.execPath, [join(import.meta.dirname, "load", bench)], {
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
