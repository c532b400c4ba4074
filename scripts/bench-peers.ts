/**
 * What the proxy's bench measures itself against and with, installed when missing:
 *
 *   toxiproxy-server   by `go install`, into a folder of the project's cache
 *   nginx, wrk         Debian's packages (need root)
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const toxiproxyVersion = "v2.12.0";
const cache = resolve(import.meta.dirname, "../node_modules/.cache/peers");

/** Paths of programs, and of nginx's module for TCP. */
export interface BenchPeers {
  readonly toxiproxyServer: string;
  readonly toxiproxyVersion: string;
  readonly nginx: string;
  readonly nginxStreamModule: string;
  readonly wrk: string;
}

/** @throws when one cannot be installed */
export function installBenchPeers(): BenchPeers {
  const peers = {
    toxiproxyServer: join(cache, "server"),
    toxiproxyVersion,
    nginx: "/usr/sbin/nginx",
    nginxStreamModule: "/usr/lib/nginx/modules/ngx_stream_module.so",
    wrk: "/usr/bin/wrk",
  };
  const { nginx, nginxStreamModule, wrk, toxiproxyServer } = peers;
  if (![nginx, nginxStreamModule, wrk].every((path) => existsSync(path))) {
    run("apt-get", ["update", "-qq"]);
    const packages = ["nginx-light", "libnginx-mod-stream", "wrk"];
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages]);
  }
  if (!existsSync(toxiproxyServer))
    run("go", ["install", `github.com/Shopify/toxiproxy/v2/cmd/server@${toxiproxyVersion}`], {
      GOBIN: cache,
    });
  return peers;
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): void {
  console.log(`installing a peer: ${command} ${args.join(" ")}`);
  const { status, error } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", ...env },
  });
  if (status !== 0)
    throw new Error(
      `could not install a peer: ${command} ended with ${error?.message ?? `exit code ${status}`}`,
    );
}
