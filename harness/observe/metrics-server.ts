import { createServer } from "../base/node-http.ts";
import { formatAddress, type Address } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import { listen } from "../base/listen.ts";
import type { OwnMetrics } from "./metrics-recorder.ts";

/** `GET /metrics` for a Prometheus that watches the harness while it runs. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
}

/** @throws {SQUALL_PORT_IN_USE} when the port is taken @throws {SQUALL_USAGE} as {@link listen} */
export async function serveMetrics(
  address: Address,
  { contentType, text }: Pick<OwnMetrics, "contentType" | "text">,
): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics")
      return void response.writeHead(404).end("expected GET /metrics\n");
    text().then(
      (body) => response.writeHead(200, { "content-type": contentType }).end(body),
      (error: unknown) => response.writeHead(500).end(`${messageOf(error)}\n`),
    );
  });
  const bound = await listen(server, address);
  return {
    url: `http://${formatAddress(bound)}/metrics`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
