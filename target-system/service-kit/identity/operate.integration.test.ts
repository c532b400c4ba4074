import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { TokenVerifier } from "./token-verifier.ts";

const run = promisify(execFile);

it("an operator makes tokens to try routes with, and the next key of a service", async () => {
  const dir = mkdtempSync(join(tmpdir(), "identity-"));
  const operate = async (...args: readonly string[]): Promise<string> => {
    const file = join(import.meta.dirname, "operate.ts");
    const { stdout } = await run(process.execPath, [file, ...args], { env: { IDENTITY_DIR: dir } });
    return stdout.trim();
  };
  const token = await operate("token", "gateway", "catalog", "user-001");
  expect(await new TokenVerifier(dir, "catalog").verify(token)).toEqual({
    name: "gateway",
    userId: "user-001",
  });
  await operate("rotate", "gateway");
  expect(readdirSync(join(dir, "private", "gateway")).sort()).toEqual(["1.json", "2.json"]);
  await expect(operate("rotate")).rejects.toThrow("usage:");
  rmSync(dir, { recursive: true });
});
