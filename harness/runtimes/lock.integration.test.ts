import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";
import { SquallError } from "../base/errors.ts";
import { acquireLock, readLock, type LockFolder } from "./lock.ts";
import { lockIn } from "./fixtures/lock-in.ts";

const children: ChildProcess[] = [];
const folders: string[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newState(): LockFolder {
  const folder = mkdtempSync(join(tmpdir(), "squall-lock-"));
  folders.push(folder);
  return lockIn(join(folder, ".squall"));
}

/** A process that tries to take the lock at a moment; says "won" and keeps it, or "lost". */
async function race(folder: LockFolder, atMs: number) {
  const script = join(import.meta.dirname, "fixtures", "lock-racer.ts");
  const child = spawn(process.execPath, [script, folder.path, String(atMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  for await (const outcome of createInterface(child.stdout)) return { child, outcome };
  throw new Error("the racer ended without a word");
}

test("a held lock is refused, naming who holds it, for what and since when", async () => {
  const folder = newState();
  await using _lock = await acquireLock(folder, "run chaos/x.yaml");
  const error = await acquireLock(folder, "run chaos/y.yaml").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(SquallError);
  expect(error).toMatchObject({ code: "SQUALL_LOCKED" });
  expect(String(error)).toMatch(
    new RegExp(`in use since \\d\\d:\\d\\d:\\d\\d: "run chaos/x\\.yaml" \\(process ${process.pid}\\)`),
  );
});

test("a lock is free again once it is disposed of, which may be done twice", async () => {
  const folder = newState();
  const first = await acquireLock(folder, "first");
  expect(readLock(folder)).toMatchObject({ pid: process.pid, what: "first" });
  await first[Symbol.asyncDispose]();
  expect(readLock(folder)).toBeUndefined();
  await using _second = await acquireLock(folder, "second");
  await first[Symbol.asyncDispose]();
  expect(readLock(folder)).toMatchObject({ what: "second" });
});

test("of several that come at once after an owner was killed, exactly one has the lock", async () => {
  const folder = newState();
  const owner = await race(folder, 0);
  expect(owner.outcome).toBe("won");
  const ended = new Promise((resolve) => owner.child.once("exit", resolve));
  owner.child.kill("SIGKILL");
  await ended;
  expect(readLock(folder)).toBeUndefined();

  const atMs = Date.now() + 1_500;
  const outcomes = await Promise.all([1, 2, 3, 4].map(() => race(folder, atMs)));
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["lost", "lost", "lost", "won"]);
  const winner = outcomes.find(({ outcome }) => outcome === "won");
  expect(readLock(folder)).toMatchObject({ pid: winner?.child.pid, what: "race" });
});
