import { z } from "zod";
import { callText, statusAnswered } from "../base/call-json.ts";
import { systemClock } from "../base/clock.ts";
import { SquallError, messageOf } from "../base/errors.ts";
import { waitAtMost } from "../base/wait.ts";
import { isCallFault, type EdgeFault } from "../experiment/fault.ts";
import { proxyCalls, type ProxyApi, type ToxicSpec, type UncountedFault } from "./proxy-api.ts";
import { doUndo, type ProxyUndo } from "./proxy-undo.ts";
import { readProxiedBytes, type ProxiedBytes } from "./proxied-bytes.ts";

/**
 * Toxiproxy's own API in the place of ours. It breaks bytes, not calls; it has no leases, so that a lease here is what this
 * client has put there under that name, and ends with it alone; it counts bytes, per proxy and only of connections that
 * have ended, where it was started with `-proxy-metrics`.
 */

const toxicSchema = z.object({
  name: z.string(),
  type: z.string(),
  stream: z.string(),
  toxicity: z.number(),
  attributes: z.record(z.string(), z.unknown()),
});
const proxySchema = z.object({
  name: z.string(),
  listen: z.string(),
  upstream: z.string(),
  enabled: z.boolean(),
  toxics: z.array(toxicSchema),
});
const proxiesSchema = z.record(z.string(), proxySchema);

/** What this client has put there; its counts as they were just before, and those of the time in which it was there. */
interface Placed {
  readonly undo: ProxyUndo;
  readonly lease: string;
  readonly proxy: string;
  readonly toxic: Omit<ToxicSpec, "lease"> | undefined;
  readonly startedAtMs: number;
  readonly before: ProxiedBytes | undefined;
  endedAtMs: number | undefined;
  counted: Promise<Pick<UncountedFault, "ended_bytes" | "lost_bytes">> | undefined;
}

const metricsTimeoutMs = 2_000;
/** A connection that a fault held is counted when that lets go, which Toxiproxy does after its answer. */
const countedWithinMs = 300;
/** Toxics that keep bytes for good. */
const keepsBytes = /^(timeout|reset_peer|limit_data)$/;

/**
 * A client of Toxiproxy's API. Every method throws {SQUALL_PROXY} when it refuses or does not answer in time.
 * @param url base URL, "http://127.0.0.1:8474"
 * @param version as it tells it
 */
export function toxiproxyApi(url: string, version: string): ProxyApi {
  const name = `Toxiproxy ${version}`;
  const call = proxyCalls(url);
  const placed: Placed[] = [];
  let first: Promise<ProxiedBytes | undefined> | undefined;

  return {
    url,
    name,
    counts: false,
    endsByLease: false,
    refusalOf,
    undoOf: ({ kind, proxy, lease }) =>
      kind === "down"
        ? { kind: "enable-proxy", proxyApi: url, proxy }
        : { kind: "remove-toxic", proxyApi: url, proxy, toxic: lease },
    renewLease: () => Promise.resolve(),
    async endLease(lease) {
      const ending = placed.filter((one) => one.lease === lease && one.endedAtMs === undefined);
      await Promise.all(ending.map(end));
    },
    // Named by its lease: what a journal tells to remove is then nobody else's.
    addToxic: (proxy, { lease, ...given }) =>
      place({
        ...{ lease, proxy, toxic: { ...given, name: lease } },
        undo: { kind: "remove-toxic", proxyApi: url, proxy, toxic: lease },
      }),
    async disable(proxy, lease) {
      const { enabled } = proxySchema.parse(await call("GET", pathOf(proxy)));
      if (!enabled) throw new SquallError("SQUALL_PROXY", `${proxy} at ${name} on ${url} is down already`);
      await place({ lease, proxy, toxic: undefined, undo: { kind: "enable-proxy", proxyApi: url, proxy } });
    },
    async evidence() {
      const proxies = Object.values(proxiesSchema.parse(await call("GET", "/proxies")));
      const bytes = await (first === undefined ? (first = proxiedBytes()) : proxiedBytes());
      return {
        proxies: proxies.map(({ name, listen, upstream }) => {
          const { upstream: up = none, downstream: down = none } = bytes?.get(name) ?? {};
          return { name, listen, upstream, upstream_bytes: up.received, downstream_bytes: down.received };
        }),
        faults: [...proxies.flatMap(inPlaceOn), ...(await Promise.all(placed.filter(hasEnded).map(told)))],
      };
    },
    leases: () => Promise.resolve(new Map()),
    followEvents() {
      const problem = `${name} does not tell of single calls`;
      const opened = Promise.reject(new SquallError("SQUALL_PROXY", problem));
      opened.catch(() => undefined); // whoever waits for it is told; nobody has to
      return { opened, problem, [Symbol.dispose]: () => undefined };
    },
  };

  async function place(given: Pick<Placed, "undo" | "lease" | "proxy" | "toxic">): Promise<void> {
    const { proxy, toxic } = given;
    const before = await proxiedBytes();
    // From here on it may be there, also when no answer comes.
    const startedAtMs = systemClock.nowMs();
    placed.push({ ...given, startedAtMs, before, endedAtMs: undefined, counted: undefined });
    if (toxic === undefined) await call("POST", pathOf(proxy), { enabled: false });
    else await call("POST", `${pathOf(proxy)}/toxics`, toxic);
  }

  async function end(one: Placed): Promise<void> {
    try {
      await doUndo(one.undo);
    } catch (error) {
      if (statusAnswered(error) !== undefined) throw error;
      // https://github.com/Shopify/toxiproxy/issues/558
      const why = "it hangs while a client has stopped reading: then only its restart ends a fault";
      throw new SquallError("SQUALL_PROXY", `${messageOf(error)} (${why})`, { cause: error });
    }
    one.endedAtMs = systemClock.nowMs();
  }

  /** Everything that stands on a proxy, whoever put it there. */
  function inPlaceOn({ name: proxy, enabled, toxics }: z.output<typeof proxySchema>): UncountedFault[] {
    const bare = { proxy, ended_at_ms: null, ended_by: null };
    const ownOf = (toxic: string | undefined): Pick<UncountedFault, "lease" | "started_at_ms"> => {
      const own = placed.find(
        (one) => one.proxy === proxy && one.toxic?.name === toxic && one.endedAtMs === undefined,
      );
      return { lease: own?.lease ?? null, started_at_ms: own?.startedAtMs ?? null };
    };
    const down = { name: "down", type: "down", stream: null, toxicity: null, attributes: null };
    return [
      ...toxics.map((toxic) => ({ ...bare, ...toxic, ...ownOf(toxic.name) })),
      ...(enabled ? [] : [{ ...bare, ...down, ...ownOf(undefined) }]),
    ];
  }

  async function told(one: Placed & { readonly endedAtMs: number }): Promise<UncountedFault> {
    const { lease, proxy, toxic, startedAtMs, endedAtMs } = one;
    one.counted ??= count(one);
    return {
      proxy,
      name: toxic?.name ?? "down",
      type: toxic?.type ?? "down",
      stream: toxic?.stream ?? null,
      toxicity: toxic?.toxicity ?? null,
      attributes: toxic?.attributes ?? null,
      lease,
      started_at_ms: startedAtMs,
      ended_at_ms: endedAtMs,
      ended_by: "removed",
      ...(await one.counted),
    };
  }

  /** Asked for as soon as it has ended: what ends later was not there with it. */
  async function count(one: Placed): Promise<Pick<UncountedFault, "ended_bytes" | "lost_bytes">> {
    const { before, proxy, toxic } = one;
    let now = await proxiedBytes();
    // Until something has ended, who counts nothing looks like who was not told to count.
    if (before === undefined || now === undefined || now.size === 0) return {};
    const ended_bytes = receivedOn(now, proxy) - receivedOn(before, proxy);
    const kept = keptOn(before, proxy);
    const isKeptByThis =
      keepsBytes.test(toxic?.type ?? "") &&
      // A client that goes away keeps bytes too, and another toxic may only delay what it has.
      keptOn(await first, proxy) === kept &&
      !placed.some((other) => other !== one && other.proxy === proxy && overlaps(other, one));
    if (!isKeptByThis) return { ended_bytes };
    const what = "bytes that never went out";
    await waitAtMost({ what, withinMs: countedWithinMs }, async () => {
      now = (await proxiedBytes()) ?? now;
      return keptOn(now, proxy) > kept;
    });
    return { ended_bytes, lost_bytes: Math.max(0, keptOn(now, proxy) - kept) };
  }

  /** @returns undefined where it was not told to count, or does not answer: then nothing is known */
  async function proxiedBytes(): Promise<ProxiedBytes | undefined> {
    const server = { name, url, code: "SQUALL_PROXY", timeoutMs: metricsTimeoutMs } as const;
    try {
      return readProxiedBytes(await callText(server, "GET", "/metrics"));
    } catch {
      return undefined;
    }
  }
}

const none = { received: 0, sent: 0 } as const;

/** Why Toxiproxy cannot do this to an edge. */
function refusalOf(fault: EdgeFault): string | undefined {
  if (isCallFault(fault)) return "it breaks connections and their bytes, and knows nothing of calls";
  if (fault.kind === "latency" && fault.distribution !== "uniform")
    return `its latency is spread evenly, not ${fault.distribution}`;
  // https://github.com/Shopify/toxiproxy/issues/603
  if (fault.kind === "reset-peer" && fault.toxicityRatio < 1)
    return "it resets every connection, whatever the toxicity";
  return undefined;
}

function hasEnded(one: Placed): one is Placed & { readonly endedAtMs: number } {
  return one.endedAtMs !== undefined;
}

function overlaps(other: Placed, { startedAtMs, endedAtMs = Infinity }: Placed): boolean {
  return other.startedAtMs < endedAtMs && (other.endedAtMs ?? Infinity) > startedAtMs;
}

function receivedOn(bytes: ProxiedBytes, proxy: string): number {
  const { upstream = none, downstream = none } = bytes.get(proxy) ?? {};
  return upstream.received + downstream.received;
}

function keptOn(bytes: ProxiedBytes | undefined, proxy: string): number {
  const { upstream = none, downstream = none } = bytes?.get(proxy) ?? {};
  return upstream.received - upstream.sent + downstream.received - downstream.sent;
}

function pathOf(proxy: string): string {
  return `/proxies/${encodeURIComponent(proxy)}`;
}
