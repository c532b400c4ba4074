/** Bytes of one direction of a proxy: read, and handed on. */
export interface DirectionBytes {
  readonly received: number;
  readonly sent: number;
}

/** By proxy and direction: `upstream` is what clients send. What nothing has crossed is not there. */
export type ProxiedBytes = ReadonlyMap<
  string,
  { readonly upstream?: DirectionBytes; readonly downstream?: DirectionBytes }
>;

const sample = /^toxiproxy_proxy_(received|sent)_bytes_total\{(.*)\} (\S+)$/gm;
const label = /(direction|proxy)="((?:[^"\\]|\\.)*)"/g;

/** Reads what Toxiproxy counts of its proxies, of connections that have ended, from its metrics in Prometheus' text format. */
export function readProxiedBytes(metrics: string): ProxiedBytes {
  const read = new Map<string, { upstream?: DirectionBytes; downstream?: DirectionBytes }>();
  for (const [, what, labels = "", value] of metrics.matchAll(sample)) {
    const named = new Map([...labels.matchAll(label)].map(([, name, text = ""]) => [name, unescape(text)]));
    const proxy = named.get("proxy");
    const direction = named.get("direction");
    if (proxy === undefined || (direction !== "upstream" && direction !== "downstream")) continue;
    const of = read.get(proxy) ?? {};
    const before = of[direction] ?? { received: 0, sent: 0 };
    read.set(proxy, {
      ...of,
      [direction]: { ...before, [what === "sent" ? "sent" : "received"]: Number(value) },
    });
  }
  return read;
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
}
