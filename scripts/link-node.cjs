/**
 * Runs after `npm ci`, on whatever Node the machine has: puts the project's own Node first on the PATH of npm scripts and
 * of npx. npm 11 links it by itself; npm 10 links no command that several optional packages offer, even though only the
 * one for this platform is installed.
 */
const { existsSync, mkdirSync, symlinkSync } = require("node:fs");
const { join } = require("node:path");
const { optionalDependencies } = require("../package.json");

const modules = join(__dirname, "../node_modules");
const link = join(modules, ".bin/node");
const own = Object.keys(optionalDependencies).find((name) => existsSync(join(modules, name, "bin/node")));

if (own !== undefined && !existsSync(link)) {
  mkdirSync(join(modules, ".bin"), { recursive: true });
  symlinkSync(join("..", own, "bin/node"), link);
}
