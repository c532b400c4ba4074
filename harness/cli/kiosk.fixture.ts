import { join, relative } from "node:path";
import { formatAddress, parseAddress, type Address } from "../base/address.ts";
import { formatEdge } from "../base/edge.ts";
import { startProxyServer } from "../proxy/proxy-server.ts";
import type { Fleet, FleetEdge } from "../runtimes/runtime.ts";
import { edgesOf, type Target } from "../target/target.ts";
import { fakeHost, noRuntime } from "./fake-host.ts";
import { main } from "./main.ts";

const corpusKiosk = relative(".", join(import.meta.dirname, "../../test/corpus/target.yaml"));

/** The commands against a real proxy, on a fleet of which only the proxied edges are there. */
export interface Kiosk extends AsyncDisposable {
  /** Base URL of the proxy's API. */
  readonly proxyApi: string;
  squall(...args: readonly string[]): Promise<{ exitCode: number; out: string; err: string }>;
  /** Where the proxy of an edge listens. */
  listenOf(edge: string): Address;
}

/** @param upstream where every edge leads @param kiosk its file */
export async function startKiosk(upstream: Address, kiosk = corpusKiosk): Promise<Kiosk> {
  const proxy = await startProxyServer();
  let edges: readonly FleetEdge[] = [];
  const attach = async (target: Target): Promise<Fleet> => {
    edges = await Promise.all(
      edgesOf(target).map(async (edge) => {
        const name = `${edge.caller}->${edge.callee}`;
        return { ...edge, proxy: name, upstream, listen: await makeProxy(proxy.url, name, upstream) };
      }),
    );
    const fleet: Partial<Fleet> = { target, proxyApi: proxy.url, edges };
    return fleet as Fleet;
  };
  return {
    proxyApi: proxy.url,
    async squall(...args) {
      const host = fakeHost([...args, "--target", kiosk], { runtime: { ...noRuntime, attach } });
      const exitCode = await main(host);
      return { exitCode, out: host.out(), err: host.err() };
    },
    listenOf(name) {
      const edge = edges.find((edge) => formatEdge(edge) === name);
      if (edge === undefined) throw new Error(`no edge ${name}, or no command has met the fleet yet`);
      return edge.listen;
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
}

/** Makes the proxy, or finds the one that is there. */
async function makeProxy(api: string, name: string, upstream: Address): Promise<Address> {
  const body = { name, listen: "127.0.0.1:0", upstream: formatAddress(upstream) };
  const headers = { "content-type": "application/json" };
  const made = await fetch(`${api}/proxies`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = made.status === 409 ? await fetch(`${api}/proxies/${encodeURIComponent(name)}`) : made;
  const { listen } = (await answer.json()) as { listen: string };
  const address = parseAddress(listen);
  if (address === undefined) throw new Error(`no address: ${listen}`);
  return address;
}
