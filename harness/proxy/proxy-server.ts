import { createServer } from "node:http";
import { formatAddress, parseAddress, type Address } from "../base/address.ts";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import { apiRoutes } from "./api.ts";
import { LeaseBook } from "./lease.ts";
import { ProxySet } from "./proxy-set.ts";
import { answerBy } from "./router.ts";

/**
 * The proxy server: speaks Toxiproxy's HTTP API, and ends faults by itself when nobody renews their lease.
 *
 *   HTTP ─→ router ─→ api ─┬─→ leases ──(not renewed)──┐
 *                          └─→ proxies ◀───────────────┘
 *                                 │  a listener each
 *                    client ─→ connection ─→ upstream        bytes through two links, each a chain of toxics
 */
export interface ProxyServer extends AsyncDisposable {
  /** Where the API listens. */
  readonly address: Address;
  /** "http://127.0.0.1:8474" */
  readonly url: string;
  /** Closes the API and every proxy, and cuts their connections. Safe to call twice. */
  close(): Promise<void>;
}

export interface ProxyServerOptions {
  /** Address of the API. @default "127.0.0.1:0" */
  readonly listen?: string;
  /** How long a lease lives that does not say, in milliseconds. @default 5000 */
  readonly leaseMs?: number;
  /** Decides which connections a toxicity below 1 takes, jitter and slices. @default "squall" */
  readonly seed?: string;
}

/**
 * Starts a proxy server in this process.
 * @throws {SQUALL_USAGE} when `listen` is no address
 * @throws {SQUALL_PORT_IN_USE} when another program has the port
 */
export async function startProxyServer(options: ProxyServerOptions = {}): Promise<ProxyServer> {
  const { listen = "127.0.0.1:0", leaseMs = 5_000, seed = "squall" } = options;
  const wanted = parseAddress(listen);
  if (!wanted)
    throw new SquallError(
      "SQUALL_USAGE",
      `expected an address such as "127.0.0.1:8474" to listen on, got "${listen}"`,
    );

  const proxies = new ProxySet(createRandom(seed));
  const leases = new LeaseBook((name) => {
    proxies.endLease(name, "lease-expired").catch((error: unknown) => {
      process.emitWarning(`lease ${name} expired: ${messageOf(error)}; still trying`);
    });
  });
  const server = createServer(answerBy(apiRoutes({ proxies, leases, defaultTtlMs: leaseMs })));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(wanted, resolve);
  }).catch((error: unknown) => {
    const inUse = systemErrorCode(error) === "EADDRINUSE";
    throw new SquallError(
      inUse ? "SQUALL_PORT_IN_USE" : "SQUALL_PROXY",
      `cannot listen on ${listen}: ${inUse ? "another program has the port" : messageOf(error)}`,
      { cause: error },
    );
  });
  const bound = server.address();
  const address =
    bound !== null && typeof bound === "object" ? { host: bound.address, port: bound.port } : wanted;

  const close = async (): Promise<void> => {
    leases[Symbol.dispose]();
    for (const { name } of proxies.proxies) proxies.remove(name);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { address, url: `http://${formatAddress(address)}`, close, [Symbol.asyncDispose]: close };
}
