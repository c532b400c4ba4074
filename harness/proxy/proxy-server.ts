import type { Server } from "node:http";
import { BlockList, isIPv6 } from "node:net";
import { formatAddress, parseAddress, type Address } from "../base/address.ts";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";
import { createServer } from "../base/node-http.ts";
import { createRandom } from "../base/random.ts";
import { refusalBy } from "./access.ts";
import { apiRoutes } from "./api.ts";
import { EventStreams } from "./event-streams.ts";
import { LeaseBook } from "./lease.ts";
import { resolveAddress } from "./proxy.ts";
import { ProxySet } from "./proxy-set.ts";
import type { ProxySpec } from "./proxy-spec.ts";
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
  /** Names of the proxies and where they listen. */
  readonly proxies: readonly {
    readonly name: string;
    readonly listen: Address;
    readonly upstream: Address;
  }[];
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
  /**
   * What every call to the API has to bring as `Authorization: Bearer …`; null: nothing, also where other machines reach it.
   * @default nothing: any program of this machine
   */
  readonly token?: string | null;
  /** Proxies to begin with. @default none */
  readonly proxies?: readonly ProxySpec[];
}

/** How long a request may take to arrive, in milliseconds: as long as with Toxiproxy. */
const requestTimeoutMs = 15_000;

/** How long a connection may idle between requests: as long as with Toxiproxy, whose clients count on it. */
const idleTimeoutMs = 60_000;

/**
 * Starts a proxy server in this process.
 * @throws {SQUALL_USAGE} when `listen` is no address, or one that other machines reach and there is no token
 * @throws {SQUALL_PORT_IN_USE} when another program has the port, of the API or of a proxy
 */
export async function startProxyServer(options: ProxyServerOptions = {}): Promise<ProxyServer> {
  const { listen = "127.0.0.1:0", leaseMs = 5_000, seed = "squall" } = options;
  const token = options.token ?? undefined;
  const wanted = parseAddress(listen);
  if (!wanted)
    throw new SquallError(
      "SQUALL_USAGE",
      `expected an address such as "127.0.0.1:8474" to listen on, got "${listen}"`,
    );
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new SquallError("SQUALL_USAGE", "expected a token of visible ASCII characters without a space");
  const resolved = await resolveAddress(wanted).catch((error: unknown) => {
    throw cannotListen(listen, messageOf(error), error);
  });
  if (options.token === undefined && !isLoopback(resolved.host))
    throw new SquallError("SQUALL_USAGE", `other machines reach ${listen}: expected a token, got none`, {
      hint: "set SQUALL_PROXY_TOKEN, or listen on 127.0.0.1",
    });

  const leases = new LeaseBook((name) => {
    proxies.endLease(name, "lease-expired").catch((error: unknown) => {
      process.emitWarning(`lease ${name} expired: ${messageOf(error)}; still trying`);
    });
  });
  const proxies = new ProxySet(createRandom(seed), leases);
  const streams = new EventStreams(proxies.ledger.events);
  const routes = apiRoutes({ proxies, leases, streams, defaultTtlMs: leaseMs });
  const refuse = refusalBy({ token, listenHost: wanted.host });
  const server = createServer(
    { requestTimeout: requestTimeoutMs, keepAliveTimeout: idleTimeoutMs },
    answerBy(routes, refuse),
  );

  const close = async (): Promise<void> => {
    leases[Symbol.dispose]();
    for (const { name } of proxies.proxies) proxies.remove(name);
    streams.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  try {
    await listening(server, resolved, listen);
    for (const spec of options.proxies ?? [])
      await proxies.create(spec).catch((error: unknown) => {
        throw cannotListen(formatAddress(spec.listen), messageOf(error), error);
      });
  } catch (error) {
    await close();
    throw error;
  }
  const bound = server.address();
  const address =
    bound !== null && typeof bound === "object" ? { host: bound.address, port: bound.port } : resolved;
  return {
    address,
    url: `http://${formatAddress(address)}`,
    get proxies() {
      return proxies.proxies;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function listening(server: Server, { host, port }: Address, listen: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  }).catch((error: unknown) => {
    throw cannotListen(listen, messageOf(error), error);
  });
}

function cannotListen(listen: string, problem: string, cause: unknown): SquallError {
  const inUse = systemErrorCode(cause) === "EADDRINUSE" || problem.includes("EADDRINUSE");
  return new SquallError(
    inUse ? "SQUALL_PORT_IN_USE" : "SQUALL_PROXY",
    `cannot listen on ${listen}: ${inUse ? "another program has the port" : problem}`,
    { cause },
  );
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

function isLoopback(host: string): boolean {
  return loopback.check(host, isIPv6(host) ? "ipv6" : "ipv4");
}
