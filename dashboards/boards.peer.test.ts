import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { boards } from "./boards.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-boards-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("what Grafana's SDK makes of the boards now is what is committed, to the byte; else: npm run dashboards", () => {
  execFileSync(process.execPath, [join(import.meta.dirname, "grafana/generate.ts"), folder]);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    /\.(json|yaml)$/.test(file),
  );
  expect(files.length).toBe(boards.length + 2);
  for (const file of files)
    expect(readFileSync(join(folder, file), "utf8"), file).toBe(
      readFileSync(join(import.meta.dirname, file), "utf8"),
    );
});

test("Prometheus understands every query of every board", () => {
  const exprs = boards.flatMap(({ panels, variables }) => [
    ...panels.flatMap(({ queries }) => queries.map(({ expr }) => expr)),
    ...variables.map(({ of }) => of),
  ]);
  const rules = exprs.map((expr, index) => ({
    record: `query:${index}`,
    expr: expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".+"),
  }));
  const file = join(folder, "queries.yaml");
  writeFileSync(file, stringify({ groups: [{ name: "queries", rules }] }));
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
  expect(stdout).toContain(`SUCCESS: ${exprs.length} rules found`);
});
