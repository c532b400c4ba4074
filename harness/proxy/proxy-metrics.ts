import { Counter, Gauge, Registry } from "prom-client";
import { formatAddress } from "../base/address.ts";
import type { ProxySet } from "./proxy-set.ts";
import type { Stream } from "./toxic.ts";

/** Metrics of the proxies that there are and the faults that are or were on them, read when they are asked for. */
export function proxyMetrics(proxies: ProxySet): Registry {
  const registry = new Registry();
  const registers = [registry];

  const ofProxy = ["proxy"] as const;
  const carried = ["direction", "proxy", "listener", "upstream"] as const;
  const ofFault = ["proxy", "toxic", "type"] as const;

  /** Toxiproxy's name and labels; Toxiproxy adds the bytes of a connection when it ends. */
  const bytes = (name: string, help: string, of: "receivedBytes" | "carriedBytes"): void =>
    void new Counter({
      name: `toxiproxy_proxy_${name}_bytes_total`,
      help,
      labelNames: carried,
      registers,
      collect() {
        this.reset();
        for (const proxy of proxies.proxies) {
          const listener = formatAddress(proxy.listen);
          const upstream = formatAddress(proxy.upstream);
          for (const direction of ["upstream", "downstream"] as const satisfies readonly Stream[])
            this.inc({ direction, proxy: proxy.name, listener, upstream }, proxy[of][direction]);
        }
      },
    });
  bytes("received", "Bytes read from the client (upstream) or the upstream (downstream).", "receivedBytes");
  bytes("sent", "Bytes handed to the upstream (upstream) or the client (downstream).", "carriedBytes");

  const count = (name: string, help: string, of: "acceptedConnections" | "upstreamFailures"): void =>
    void new Counter({
      name,
      help,
      labelNames: ofProxy,
      registers,
      collect() {
        this.reset();
        for (const proxy of proxies.proxies) this.inc({ proxy: proxy.name }, proxy[of]);
      },
    });
  count("squall_proxy_connections_total", "Connections accepted.", "acceptedConnections");
  count(
    "squall_proxy_upstream_failures_total",
    "Connections that closed before their upstream answered.",
    "upstreamFailures",
  );
  new Gauge({
    name: "squall_proxy_open_connections",
    help: "Connections that are open.",
    labelNames: ofProxy,
    registers,
    collect() {
      this.reset();
      for (const proxy of proxies.proxies) this.set({ proxy: proxy.name }, proxy.openConnections);
    },
  });
  new Gauge({
    name: "squall_proxy_faults",
    help: "Faults in place.",
    labelNames: ofFault,
    registers,
    collect() {
      this.reset();
      for (const { description, end } of proxies.ledger.faults) {
        const { proxy, name: toxic, type } = description;
        if (end === undefined) this.inc({ proxy, toxic, type });
      }
    },
  });

  const affected = (of: "requests" | "connections" | "bytes", name: string, help: string): void =>
    void new Counter({
      name: `squall_proxy_affected_${name}_total`,
      help,
      labelNames: ofFault,
      registers,
      collect() {
        this.reset();
        for (const { description, affected } of proxies.ledger.everyAffected()) {
          const { proxy, name: toxic, type } = description;
          this.inc({ proxy, toxic, type }, affected[of]);
        }
      },
    });
  affected("requests", "calls", "Calls on which a fault had its effect.");
  affected("connections", "connections", "Connections on which a fault had its effect.");
  affected("bytes", "bytes", "Bytes on which a fault had its effect.");
  return registry;
}
