import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { variable } from "./stack.fixture.ts";

/** The files of the stack before the programs that read them. */

const repository = resolve(import.meta.dirname, "../..");

test.each([
  ["no profile", [], 21],
  ["toxiproxy", ["toxiproxy"], 22],
  ["observability", ["observability"], 25],
  ["load", ["load"], 22],
  ["all", ["toxiproxy", "observability", "load"], 27],
])("docker compose config takes the file with %s", (_title, profiles, count) => {
  const args = [...profiles.flatMap((profile) => ["--profile", profile]), "config", "--services"];
  const services = execFileSync(variable("DOCKER_COMPOSE"), args, { cwd: repository, encoding: "utf8" });
  expect(services.trim().split("\n")).toHaveLength(count);
});

test.each(["slo", "experiment"])("promtool takes Prometheus' configuration with the rules of %s", (rules) => {
  const folder = mkdtempSync(join(tmpdir(), "squall-prometheus-"));
  try {
    // Side by side, as the container sees them.
    for (const [from, to] of [
      ["docker/prometheus.yaml", "prometheus.yaml"],
      [`dashboards/prometheus/${rules}.rules.yaml`, "rules.yaml"],
    ] as const)
      writeFileSync(join(folder, to), readFileSync(join(repository, from)));
    const args = ["check", "config", join(folder, "prometheus.yaml")];
    const told = execFileSync(variable("PROMTOOL"), args, { encoding: "utf8" });
    expect(told).toContain("1 rule files found");
    expect(told).toMatch(/SUCCESS: \d+ rules found/);
    expect(told).not.toContain("SUCCESS: 0 rules");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
