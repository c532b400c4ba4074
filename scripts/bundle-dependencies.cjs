/**
 * Runs after `npm ci`: bundles what the reference shop imports, so that it starts faster (target-system/dependencies). Without
 * a bundle it works the same: where none can be made, as without the development dependencies, that is told and no failure.
 */
const { spawnSync } = require("node:child_process");
const { join } = require("node:path");

const make = join(__dirname, "../target-system/dependencies/make-bundle.ts");
const args = ["--disable-warning=ExperimentalWarning", make];
const { status, stderr } = spawnSync("node", args, { encoding: "utf8", shell: process.platform === "win32" });
if (status !== 0) console.warn(`the shop will start slower, its dependencies are not bundled: ${stderr}`);
