/**
 * Runs the tests that need programs of other people, after installing those that are missing:
 *
 *   chromium        Debian's package (needs root): opens report.html as a reader would
 *   prometheus      Debian's package (needs root), with promtool: reads our metrics, rules and queries, and opens a run
 *   toxiproxy-cli   by `go install`: drives our proxy as its users do
 *   toxiproxy       by `go install`: Toxiproxy's server, which ours is compared with, and which stands in its place
 *   k6              by `go install`: drives the shop by its own scripts
 *   docker          the engine that answers, else Debian's package (needs root), started for the tests and ended after them
 *   iptables        Debian's package (needs root): in an image of tools, for the networks of containers
 *   docker-compose  by `go build`: brings the shop up in containers
 *
 * Arguments are passed on to vitest. A peer that cannot be installed is an error, never a skipped test.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { dockerDaemon } from "./docker-daemon.ts";
import { composeProgram, debianPackages, goProgram } from "./peers.ts";

const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
debianPackages(["chromium"], [chromium]);
const prometheus = "/usr/bin/prometheus";
const promtool = "/usr/bin/promtool";
debianPackages(["prometheus"], [prometheus, promtool]);
debianPackages(["iptables"], ["/usr/sbin/iptables"]);

const programs = {
  CHROMIUM: chromium,
  PROMETHEUS: prometheus,
  PROMTOOL: promtool,
  TOXIPROXY_CLI: goProgram("toxiproxy-cli"),
  TOXIPROXY_SERVER: goProgram("toxiproxy-server"),
  K6: goProgram("k6"),
  DOCKER_COMPOSE: composeProgram(),
};

const docker = await dockerDaemon();
const vitest = resolve(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
try {
  const { status } = spawnSync(
    process.execPath,
    [vitest, "run", "--config", "vitest.peers.config.ts", ...process.argv.slice(2)],
    { stdio: "inherit", env: { ...process.env, ...programs, DOCKER_HOST: docker.host } },
  );
  process.exitCode = status ?? 1;
} finally {
  await docker.end();
}
