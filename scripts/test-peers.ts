/**
 * Runs the tests that need programs of other people, after installing those that are missing:
 *
 *   chromium        Debian's package (needs root): opens report.html as a reader would
 *   toxiproxy-cli   by `go install`: drives our proxy as its users do
 *   toxiproxy       by `go install`: Toxiproxy's server, which ours is compared with
 *
 * Arguments are passed on to vitest. A peer that cannot be installed is an error, never a skipped test.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const peers = resolve(import.meta.dirname, "../node_modules/.cache/peers");
const toxiproxyVersion = "v2.12.0";

const chromium = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
if (!existsSync(chromium)) {
  run("apt-get", ["update", "-qq"]);
  run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"]);
}
const toxiproxyCli = toxiproxy("cli");
const toxiproxyServer = toxiproxy("server");

const vitest = resolve(import.meta.dirname, "../node_modules/vitest/vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--config", "vitest.peers.config.ts", ...process.argv.slice(2)],
  {
    stdio: "inherit",
    env: {
      ...process.env,
      CHROMIUM: chromium,
      TOXIPROXY_CLI: toxiproxyCli,
      TOXIPROXY_SERVER: toxiproxyServer,
    },
  },
);
process.exitCode = status ?? 1;

/** One of Toxiproxy's programs. @returns its file */
function toxiproxy(program: "cli" | "server"): string {
  const file = join(peers, program);
  if (!existsSync(file))
    run("go", ["install", `github.com/Shopify/toxiproxy/v2/cmd/${program}@${toxiproxyVersion}`], {
      GOBIN: peers,
    });
  return file;
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  console.log(`installing a peer: ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", ...env },
  });
  if (status === 0) return;
  console.error(`could not install a peer: ${command} ended with ${error?.message ?? `exit code ${status}`}`);
  process.exit(1);
}
