import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const autogroup = "/proc/self/autogroup";
const readAutogroup = (): string | null =>
  existsSync(autogroup) ? readFileSync(autogroup, "utf8").trim() : null;

/** What a child that raised its priority says of it. */
async function raised(
  detached: boolean,
): Promise<{ readonly nice: number; readonly autogroup: string | null }> {
  const child = fork(join(import.meta.dirname, "fixtures/raised.ts"), { execArgv: [], detached });
  const [said] = (await once(child, "message")) as [{ nice: number; autogroup: string | null }];
  return said;
}

it("a process in somebody's session raises itself, and leaves the session where it was", async () => {
  const before = readAutogroup();
  const said = await raised(false);
  expect(said.nice).toBeLessThanOrEqual(getPriority());
  expect(said.autogroup).toBe(before);
  expect(readAutogroup()).toBe(before);
});

it("a process with a session of its own raises that, as far as it may", async () => {
  const before = readAutogroup();
  const said = await raised(true);
  expect(readAutogroup()).toBe(before);
  if (process.getuid?.() === 0 && said.autogroup !== null) expect(said.autogroup).toMatch(/ nice -20$/);
});
