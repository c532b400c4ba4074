import { createServer } from "node:http";
import { formatAddress, type Address } from "../base/address.ts";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";
import type { OwnMetrics } from "./metrics-recorder.ts";

/** `GET /metrics` for a Prometheus that watches the harness while it runs. */
export interface MetricsServer extends AsyncDisposable {
  readonly url: string;
}

/** @throws {SQUALL_PORT_IN_USE} when the port is taken */
export async function serveMetrics(
  { host, port }: Address,
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
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "EADDRINUSE")
      throw new SquallError(
        "SQUALL_PORT_IN_USE",
        `${formatAddress({ host, port })} is taken by another program`,
        {
          cause: error,
        },
      );
    throw new SquallError(
      "SQUALL_USAGE",
      `cannot listen on ${formatAddress({ host, port })}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  const bound = server.address();
  const address = { host, port: typeof bound === "object" && bound !== null ? bound.port : port };
  return {
    url: `http://${formatAddress(address)}/metrics`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
