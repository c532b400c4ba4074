import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePort, start } from "../../proxy/child-process.ts";
import { untilOpen } from "../../proxy/web.ts";

/** nginx on a processor of its own: answers two bytes of JSON, and says how many requests it has had. */
export interface CountingWeb {
  readonly port: number;
  requests(): Promise<number>;
}

export async function startCountingWeb(
  pinned: readonly string[],
  nginx: string,
  folder: string,
): Promise<CountingWeb> {
  const port = await freePort();
  const configuration = join(folder, "web.conf");
  writeFileSync(
    configuration,
    `daemon off; master_process off; user root; pid ${join(folder, "web.pid")}; events { worker_connections 8192; }
http {
  access_log off; tcp_nodelay on; keepalive_requests 1000000000; keepalive_timeout 3600s;
  server {
    listen 127.0.0.1:${port};
    location = /requests { stub_status; }
    location / { return 200 "{}"; }
  }
}
`,
  );
  await start([...pinned, nginx, "-c", configuration, "-e", "/dev/null"]);
  await untilOpen(port);
  return { port, requests: () => requestsAt(port) };
}

/** "server accepts handled requests", and below it three numbers. */
async function requestsAt(port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  get({ host: "127.0.0.1", port, path: "/requests", agent: false }, (answer) => {
    text(answer).then(resolve, reject);
  }).on("error", reject);
  const told = await promise;
  const requests = /^\s*\d+ \d+ (\d+)\s*$/m.exec(told)?.[1];
  if (requests === undefined) throw new Error(`nginx told: ${told}`);
  return Number(requests);
}
