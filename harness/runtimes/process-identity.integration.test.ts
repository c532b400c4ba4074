import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { proportionalSetSizeBytes } from "./process/memory.ts";
import { findMarked, identify, isAlive } from "./process-identity.ts";

test("a process that has the pid of one that is gone is not taken for it", () => {
  const own = identify(process.pid);
  if (own === undefined) throw new Error("this process is there");
  expect(isAlive(own)).toBe(true);
  if (own.startTime !== undefined)
    expect(isAlive({ pid: process.pid, startTime: String(Number(own.startTime) - 1) })).toBe(false);
});

test("a process that has ended is not alive", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  const identity = identify(child.pid ?? 0);
  if (identity === undefined) throw new Error("the child is there");
  await new Promise((resolve) => child.once("exit", resolve));
  expect(isAlive(identity)).toBe(false);
});

test.runIf(process.platform === "linux")("processes are found by a variable's whole value", async () => {
  const mark = `mark-${process.pid}`;
  const start = async (value: string) => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 60_000)"], {
      env: { MARK: value, OTHER: "x" },
    });
    await new Promise((resolve) => child.once("spawn", resolve));
    return child;
  };
  const child = await start(mark);
  const longer = await start(`${mark}-longer`);
  try {
    await expect
      .poll(() => findMarked("MARK", mark))
      .toMatchObject([
        {
          pid: child.pid,
          environment: new Map([
            ["MARK", mark],
            ["OTHER", "x"],
          ]),
        },
      ]);
  } finally {
    child.kill("SIGKILL");
    longer.kill("SIGKILL");
  }
});

test.runIf(process.platform === "linux")("memory counts a process and what it started", async () => {
  const grandparent = spawn(
    process.execPath,
    [
      "-e",
      `require("child_process").spawn(process.execPath, ["-e", "process.stdin.resume()"]); console.log()`,
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  try {
    await new Promise((resolve) => grandparent.stdout.once("data", resolve));
    const own = proportionalSetSizeBytes([process.pid]) ?? 0;
    const child = proportionalSetSizeBytes([grandparent.pid ?? 0]) ?? 0;
    expect(child).toBeGreaterThan(1_000_000);
    expect(own).toBeGreaterThan(child); // ours has the child's among its own
  } finally {
    grandparent.kill("SIGKILL");
  }
});
