import { debianPackages, goProgram } from "../../scripts/peers.ts";

/** What the proxy's bench measures itself against and with: paths of programs, and of nginx's module for TCP. */
export interface BenchPeers {
  readonly toxiproxyServer: string;
  readonly nginx: string;
  readonly nginxStreamModule: string;
  readonly wrk: string;
}

/** @throws when one cannot be installed */
export function installBenchPeers(): BenchPeers {
  const debian = {
    nginx: "/usr/sbin/nginx",
    nginxStreamModule: "/usr/lib/nginx/modules/ngx_stream_module.so",
    wrk: "/usr/bin/wrk",
  };
  debianPackages(["nginx-light", "libnginx-mod-stream", "wrk"], Object.values(debian));
  return { ...debian, toxiproxyServer: goProgram("toxiproxy-server") };
}
