import { formatAddress, type Address } from "../../base/address.ts";
import { edgesOf, type Service, type Target } from "../../target/target.ts";
import type { FleetEdge } from "../runtime.ts";
import { createPortPicker } from "./free-ports.ts";

/** Where everything of a fleet will listen, decided before anything is started. */
export interface FleetPlan {
  readonly proxyApi: Address;
  readonly receiver: Address;
  readonly edges: readonly FleetEdge[];
  /** By service or part of the outside world, by port name. */
  readonly addresses: ReadonlyMap<string, Readonly<Record<string, Address>>>;
  readonly stores: ReadonlyMap<string, Address>;
}

const host = "127.0.0.1";

/** @throws {SQUALL_PORT_IN_USE} when a port that the target fixes is taken */
export async function planFleet(target: Target): Promise<FleetPlan> {
  const ports = createPortPicker(host);
  const parts = [
    ...Object.entries(target.services).map(([name, part]) => ({ group: "services", name, part })),
    ...Object.entries(target.outside).map(([name, part]) => ({ group: "outside", name, part })),
  ];
  // Fixed ports first, so that none is given away before.
  const fixed = new Map<string, number>();
  for (const { group, name, part } of parts)
    for (const [portName, { port }] of Object.entries(part.ports))
      if (port !== undefined) {
        const field = `${group}.${name}.ports.${portName}`;
        fixed.set(`${name}/${portName}`, await ports.claim(port, field));
      }
  const free = async (): Promise<Address> => ({ host, port: await ports.pick() });

  const addresses = new Map<string, Readonly<Record<string, Address>>>();
  for (const { name, part } of parts) {
    const own: Record<string, Address> = {};
    for (const portName of Object.keys(part.ports)) {
      const port = fixed.get(`${name}/${portName}`);
      own[portName] = port === undefined ? await free() : { host, port };
    }
    addresses.set(name, own);
  }
  const stores = new Map<string, Address>();
  for (const name of Object.keys(target.stores)) stores.set(name, await free());

  const edges: FleetEdge[] = [];
  for (const { caller, callee } of edgesOf(target)) {
    const port = target.services[caller]?.calls[callee]?.port ?? "http";
    const upstream = stores.get(callee) ?? addresses.get(callee)?.[port];
    if (upstream === undefined) throw new Error(`${caller} calls ${callee}, which has no port ${port}`);
    edges.push({ caller, callee, proxy: `${caller}->${callee}`, listen: await free(), upstream });
  }
  return { proxyApi: await free(), receiver: await free(), edges, addresses, stores };
}

/** Who may log in to a store. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** The variables by which a service learns where its callees are: each behind the proxy of that edge. */
export function callVariables(
  caller: string,
  service: Service,
  plan: FleetPlan,
  credentials: Credentials,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(service.calls).map(([callee, { env, value }]) => {
      const edge = plan.edges.find((candidate) => candidate.caller === caller && candidate.callee === callee);
      if (edge === undefined) throw new Error(`no edge ${caller} -> ${callee} in the plan`);
      const values: Readonly<Record<string, string>> = {
        address: formatAddress(edge.listen),
        ...(plan.stores.has(callee) ? { ...credentials, database: callee } : {}),
      };
      return [env, value.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => values[name] ?? whole)];
    }),
  );
}

/** Connection URL of a store, past the proxies. */
export function storeUrl(name: string, address: Address, { user, password }: Credentials): string {
  return `postgresql://${user}:${password}@${formatAddress(address)}/${name}`;
}
