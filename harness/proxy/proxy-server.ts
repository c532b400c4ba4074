import type { Address } from "../base/address.ts";
import { createRandom } from "../base/random.ts";
import { createApi } from "./api.ts";
import { createProxySet } from "./proxy-set.ts";

export interface ProxyServerOptions {
  /** Where the API listens; port 0 takes a free one. */
  readonly listen: Address;
  /** @default 5000 */
  readonly leaseTtlMs?: number;
  /** Decides which connections a toxicity below 1 touches. @default "squall" */
  readonly seed?: string;
  readonly version?: string;
}

/** A proxy server that is up. Disposing of it closes every listener and connection. */
export interface ProxyServer extends AsyncDisposable {
  readonly address: Address;
}

export async function startProxyServer(options: ProxyServerOptions): Promise<ProxyServer> {
  const set = createProxySet(createRandom(options.seed ?? "squall"));
  const api = createApi(set, {
    leaseTtlMs: options.leaseTtlMs ?? 5_000,
    version: options.version ?? "squall",
  });
  await api.listen({ host: options.listen.host, port: options.listen.port });
  const bound = api.server.address();
  const port = bound !== null && typeof bound === "object" ? bound.port : options.listen.port;
  return {
    address: { host: options.listen.host, port },
    async [Symbol.asyncDispose]() {
      set.close();
      api.server.closeAllConnections();
      await api.close();
    },
  };
}
