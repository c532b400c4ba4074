import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { squall } from "./squall-command.ts";

test("an experiment whose load is k6's is refused where there is no k6, before anything is started", async () => {
  const runs = mkdtempSync(join(tmpdir(), "squall-k6-missing-"));
  const env = { SQUALL_K6: join(runs, "no-k6") };
  const run = squall(["run", "load/k6/recommendation-down.yaml", "--runs", runs], undefined, env);
  expect(await run.exit).toBe(3);
  expect(run.err()).toContain("SQUALL_PREFLIGHT");
  expect(run.err()).toContain(`"${env.SQUALL_K6}" cannot be run`);
  expect(run.err()).toContain("go install go.k6.io/k6@v1.8.1");
  expect(existsSync(runs) && readdirSync(runs)).toEqual([]);
});
