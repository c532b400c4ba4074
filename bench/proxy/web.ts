import { truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { waitFor } from "../../harness/base/wait.ts";
import type { BenchPeers } from "./peers.ts";
import { freePort, start, type Started } from "./child-process.ts";

/** The largest `/bulk` there is, in bytes. */
export const bulkBytes = 512 * 1_024 * 1_024;

/** The upstream: nginx, which answers `/` with two bytes and `/bulk` with zeros. */
export async function startWeb({ nginx }: BenchPeers, folder: string): Promise<{ readonly port: number }> {
  const port = await freePort();
  writeFileSync(join(folder, "bulk"), "");
  truncateSync(join(folder, "bulk"), bulkBytes);
  await startNginx(
    nginx,
    join(folder, "web.conf"),
    `${alone(join(folder, "web.pid"))}
http {
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 3600s;
  server {
    listen 127.0.0.1:${port};
    location = /bulk { root ${folder}; }
    location / { return 200 "ok"; }
  }
}`,
  );
  await untilOpen(port);
  return { port };
}

/** nginx as a TCP proxy. */
export async function startNginxStream(
  { nginx, nginxStreamModule }: BenchPeers,
  folder: string,
  upstreamPort: number,
): Promise<Started & { readonly port: number }> {
  const port = await freePort();
  const child = await startNginx(
    nginx,
    join(folder, "stream.conf"),
    `load_module ${nginxStreamModule};
${alone(join(folder, "stream.pid"))}
stream { server { listen 127.0.0.1:${port}; proxy_pass 127.0.0.1:${upstreamPort}; tcp_nodelay on; } }`,
  );
  await untilOpen(port);
  return { ...child, port };
}

function startNginx(nginx: string, configuration: string, text: string): Promise<Started> {
  writeFileSync(configuration, `${text}\n`);
  return start([nginx, "-c", configuration, "-e", "/dev/null"]);
}

/** One process, as is each of the others; in the foreground. */
function alone(pidFile: string): string {
  return `daemon off; master_process off; user root; pid ${pidFile}; events { worker_connections 8192; }`;
}

export async function untilOpen(port: number): Promise<void> {
  await waitFor({ what: `port ${port} is open`, withinMs: 10_000 }, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<true>();
    const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", reject);
    return promise.finally(() => socket.destroy());
  });
}
