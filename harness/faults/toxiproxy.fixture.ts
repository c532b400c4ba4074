import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Server } from "node:net";
import { waitFor } from "../base/wait.ts";
import { freePort } from "../../test/free-port.fixture.ts";

/** Toxiproxy's own server, with a proxy for each of these edges that all lead to one HTTP server. */
export interface RealToxiproxy extends AsyncDisposable {
  readonly url: string;
  /** Base URL of an edge's proxy. */
  urlOf(proxy: string): string;
}

const serverFile = process.env["TOXIPROXY_SERVER"] ?? "toxiproxy-server";

/** @param upstreams by proxy, where it leads */
export async function startRealToxiproxy(
  upstreams: Readonly<Record<string, Server>>,
  flags: readonly string[] = ["-proxy-metrics"],
): Promise<RealToxiproxy> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(serverFile, ["-host", "127.0.0.1", "-port", String(port), ...flags], {
    stdio: "ignore",
  });
  await waitFor(
    { what: "Toxiproxy answers", withinMs: 10_000 },
    async () => (await fetch(`${url}/version`)).ok,
  );
  const wanted = await Promise.all(
    Object.entries(upstreams).map(async ([name, server]) => ({
      name,
      // A port of the system's choice could be another's by the time that a proxy which was down is to have it back.
      listen: `127.0.0.1:${await freePort()}`,
      upstream: `127.0.0.1:${portOf(server)}`,
      enabled: true,
    })),
  );
  const response = await fetch(`${url}/populate`, { method: "POST", body: JSON.stringify(wanted) });
  const { proxies } = (await response.json()) as { proxies: { name: string; listen: string }[] };
  return {
    url,
    urlOf(proxy) {
      const listen = proxies.find(({ name }) => name === proxy)?.listen;
      if (listen === undefined) throw new Error(`no proxy ${proxy}`);
      return `http://${listen}`;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** An HTTP server on a port of its own. */
export async function listening(
  server: Server = createServer((_request, response) => response.end(body)),
): Promise<Server> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

/** What it answers to everything. */
const body = "x".repeat(2_000);

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
