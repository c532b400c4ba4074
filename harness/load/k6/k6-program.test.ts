import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it, test } from "vitest";
import { k6Environment } from "./k6-process.ts";
import { findK6 } from "./k6-program.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-k6-program-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that prints a text, whatever it is asked. */
function programSaying(text: string): string {
  const file = join(folder, `program-${text.length}`);
  writeFileSync(file, `#!/bin/sh\necho '${text}'\n`);
  chmodSync(file, 0o755);
  return file;
}

test("a k6 that is there is told with its version", async () => {
  const program = programSaying("k6 v1.8.1 (go1.26.8, linux/amd64)");
  expect(await findK6(program)).toEqual({ program, version: "v1.8.1" });
});

it.each(["k6 v0.57.0 (commit/50afd82c18, go1.23.6, linux/amd64)", "another program"])(
  "%s is refused for what it says",
  async (said) => {
    await expect(findK6(programSaying(said))).rejects.toMatchObject({
      code: "SQUALL_PREFLIGHT",
      message: `the load is k6's, expected k6 v1 or later, got "${said}"`,
    });
  },
);

test("a k6 that is not there is refused with how to get it", async () => {
  await expect(findK6(join(folder, "nowhere"))).rejects.toMatchObject({
    code: "SQUALL_PREFLIGHT",
    hint: expect.stringContaining("SQUALL_K6") as string,
  });
});

test("variables that change what k6 runs do not reach it, others do", () => {
  const given = { K6_VUS: "1", K6_ITERATIONS: "1", PATH: "/bin", TOKEN: "t", K6: "k6", SQUALL_K6: "k6" };
  expect(k6Environment(given)).toEqual({ PATH: "/bin", TOKEN: "t", K6: "k6", SQUALL_K6: "k6" });
});
