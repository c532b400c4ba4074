/** Runs every check of the code at once, and tells in full what those that failed had to say. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

const checks = ["format:check", "lint", "typecheck", "boundaries"];

const failed = await Promise.all(
  checks.map(async (check) => {
    const child = spawn("npm", ["run", "--silent", check], {
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32",
    });
    const [out, err, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number | null]>,
    ]);
    if (code === 0) return false;
    console.error(`${check} failed\n${out}${err}`);
    return true;
  }),
);
process.exitCode = failed.includes(true) ? 1 : 0;
