import { parseAddress, formatAddress, type Address } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import { ApiError, badRequest, proxyNotFound, toxicNotFound } from "./api-error.ts";
import type { ProxyInput, ProxyUpdate, ToxicInput, ToxicUpdate } from "./api-schema.ts";
import { createFaultLog, type FaultEnd, type FaultRecord } from "./fault-log.ts";
import { createLeases, type Leases } from "./leases.ts";
import { createProxy, type Proxy } from "./proxy.ts";
import type { ToxicInstance } from "./toxic-instance.ts";
import { toxicKinds } from "./toxics/registry.ts";

/** All proxies of a server, their faults and the leases that these live under. Every refusal is an {@link ApiError}. */
export interface ProxySet {
  readonly proxies: readonly Proxy[];
  readonly faults: readonly FaultRecord[];
  readonly leases: Leases;
  get(name: string): Proxy;
  create(input: ProxyInput): Promise<Proxy>;
  update(name: string, update: ProxyUpdate): Promise<Proxy>;
  remove(name: string): void;
  /** Creates or replaces each; one that exists with the same addresses is kept as it is. */
  populate(inputs: readonly ProxyInput[]): Promise<readonly Proxy[]>;
  getToxic(proxy: string, name: string): ToxicInstance;
  addToxic(proxy: string, input: ToxicInput): ToxicInstance;
  updateToxic(proxy: string, name: string, update: ToxicUpdate): ToxicInstance;
  removeToxic(proxy: string, name: string): void;
  /** Enables every proxy and removes every toxic. Waits for no peer. */
  reset(): Promise<void>;
  /** Ends every fault of a lease; a lease that is unknown has none. */
  endLease(name: string): Promise<void>;
  close(): void;
}

export function createProxySet(random: Random): ProxySet {
  const proxies = new Map<string, Proxy>();
  const log = createFaultLog();
  const leases = createLeases((name) => {
    endFaultsOf(name, "lease-expired").catch((error: unknown) => {
      // A port that another program took meanwhile: the fault stays, and is seen in the evidence and in `enabled`.
      process.stderr.write(`lease ${name} expired, and a proxy could not listen again: ${messageOf(error)}\n`);
    });
  });

  const set: ProxySet = {
    get proxies() {
      return [...proxies.values()];
    },
    get faults() {
      return log.records;
    },
    leases,
    get(name) {
      const proxy = proxies.get(name);
      if (!proxy) throw proxyNotFound();
      return proxy;
    },
    async create(input) {
      if (proxies.has(input.name)) throw new ApiError(409, "proxy already exists");
      const proxy = createProxy({
        name: input.name,
        listen: addressOf("listen", input.listen),
        upstream: addressOf("upstream", input.upstream),
        random,
        log,
      });
      if (input.enabled) await listening(proxy.enable());
      proxies.set(input.name, proxy);
      return proxy;
    },
    async update(name, update) {
      const proxy = set.get(name);
      requireLease(update.lease);
      const listen = update.listen === undefined ? proxy.listen : addressOf("listen", update.listen);
      const upstream =
        update.upstream === undefined ? proxy.upstream : addressOf("upstream", update.upstream);
      if (!isSame(listen, proxy.listen) || !isSame(upstream, proxy.upstream))
        await listening(proxy.move(listen, upstream));
      if (update.enabled === true) await listening(proxy.enable());
      if (update.enabled === false) proxy.disable(update.lease);
      return proxy;
    },
    remove(name) {
      set.get(name).close();
      proxies.delete(name);
    },
    async populate(inputs) {
      const populated: Proxy[] = [];
      for (const input of inputs) {
        const existing = proxies.get(input.name);
        const isKept =
          existing !== undefined &&
          isSame(existing.listen, addressOf("listen", input.listen)) &&
          isSame(existing.upstream, addressOf("upstream", input.upstream));
        if (existing !== undefined && !isKept) set.remove(input.name);
        populated.push(isKept ? existing : await set.create(input));
      }
      return populated;
    },
    getToxic(proxy, name) {
      const toxic = set.get(proxy).toxics.find((candidate) => candidate.name === name);
      if (!toxic) throw toxicNotFound();
      return toxic;
    },
    addToxic(proxyName, input) {
      const proxy = set.get(proxyName);
      const kind = toxicKinds.get(input.type);
      if (!kind) throw new ApiError(400, "invalid toxic type");
      const name = input.name ?? `${input.type}_${input.stream}`;
      if (proxy.toxics.some((toxic) => toxic.name === name)) throw new ApiError(409, "toxic already exists");
      requireLease(input.lease);
      const attributes = attributesOf(kind.type, input.attributes);
      const { stream, toxicity, lease } = input;
      const record = log.begin({
        proxy: proxyName,
        name,
        type: kind.type,
        stream,
        toxicity,
        attributes,
        lease: lease ?? null,
      });
      const toxic: ToxicInstance = { name, kind, stream, toxicity, attributes, lease, record };
      proxy.putToxic(toxic);
      return toxic;
    },
    updateToxic(proxyName, name, update) {
      const old = set.getToxic(proxyName, name);
      const attributes = attributesOf(old.kind.type, { ...old.attributes, ...update.attributes });
      const toxicity = update.toxicity ?? old.toxicity;
      old.record.attributes = attributes;
      old.record.toxicity = toxicity;
      const toxic: ToxicInstance = { ...old, attributes, toxicity };
      set.get(proxyName).putToxic(toxic);
      return toxic;
    },
    removeToxic(proxyName, name) {
      if (!set.get(proxyName).removeToxic(name, "removed")) throw toxicNotFound();
    },
    async reset() {
      for (const proxy of proxies.values())
        for (const { name } of proxy.toxics) proxy.removeToxic(name, "reset");
      await Promise.all([...proxies.values()].map((proxy) => listening(proxy.enable("reset"))));
    },
    async endLease(name) {
      leases.end(name);
      await endFaultsOf(name, "lease-ended");
    },
    close() {
      leases.close();
      for (const proxy of proxies.values()) proxy.close();
      proxies.clear();
    },
  };
  return set;

  async function endFaultsOf(lease: string, by: FaultEnd): Promise<void> {
    for (const proxy of proxies.values())
      for (const toxic of proxy.toxics) if (toxic.lease === lease) proxy.removeToxic(toxic.name, by);
    const disabled = [...proxies.values()].filter(({ disabledUnder }) => disabledUnder === lease);
    await Promise.all(disabled.map((proxy) => proxy.enable(by)));
  }

  function requireLease(lease: string | undefined): void {
    if (lease !== undefined && leases.get(lease) === undefined) throw new ApiError(404, "lease not found");
  }
}

function attributesOf(
  type: string,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const kind = toxicKinds.get(type);
  const parsed = kind?.attributes.safeParse(given);
  if (parsed?.success !== true)
    throw badRequest(
      (parsed?.error.issues ?? [])
        .map(
          ({ path, message }) =>
            `attributes.${path.join(".")}: ${message}, got ${JSON.stringify(given[String(path[0])])}`,
        )
        .join("; "),
    );
  return parsed.data;
}

function addressOf(field: string, text: string): Address {
  const address = parseAddress(text);
  if (!address) throw badRequest(`${field}: expected host:port, got ${JSON.stringify(text)}`);
  return address;
}

function isSame(a: Address, b: Address): boolean {
  return formatAddress(a) === formatAddress(b);
}

async function listening(attempt: Promise<void>): Promise<void> {
  try {
    await attempt;
  } catch (error) {
    throw new ApiError(500, messageOf(error));
  }
}
