import { formatAddress, type Address } from "../../base/address.ts";
import { edgesOf, type Service, type Target } from "../../target/target.ts";
import type { FleetEdge } from "../runtime.ts";
import type { RecordedReplica } from "./fleet-state.ts";
import { createPortPicker } from "./free-ports.ts";
import { portOf } from "../edge-upstreams.ts";
import { partNames, pickAddresses, replicaName, upstreamsOf } from "./replicas.ts";

/** Where everything of a fleet will listen, decided before anything is started. */
export interface FleetPlan {
  readonly proxyApi: Address;
  readonly receiver: Address;
  readonly edges: readonly FleetEdge[];
  /** By part of the outside world, by port name. */
  readonly outside: ReadonlyMap<string, Readonly<Record<string, Address>>>;
  /** By service. */
  readonly replicas: ReadonlyMap<string, readonly RecordedReplica[]>;
  readonly stores: ReadonlyMap<string, Address>;
}

const host = "127.0.0.1";

/**
 * @param counts how many replicas a service has, by its name; one where it is not named
 * @throws {SQUALL_PORT_IN_USE} when a port that the target fixes is taken
 */
export async function planFleet(
  target: Target,
  counts: Readonly<Record<string, number>> = {},
): Promise<FleetPlan> {
  const ports = createPortPicker(host);
  const parts = [
    ...Object.entries(target.services).map(([name, part]) => ({ group: "services", name, part })),
    ...Object.entries(target.outside).map(([name, part]) => ({ group: "outside", name, part })),
  ];
  // Fixed ports first, so that none is given away before.
  const fixed = new Map<string, Record<string, number>>();
  for (const { group, name, part } of parts)
    for (const [portName, { port }] of Object.entries(part.ports))
      if (port !== undefined) {
        const field = `${group}.${name}.ports.${portName}`;
        fixed.set(name, { ...fixed.get(name), [portName]: await ports.claim(port, field) });
      }

  const outside = new Map<string, Readonly<Record<string, Address>>>();
  for (const [name, part] of Object.entries(target.outside))
    outside.set(name, await pickAddresses(part, ports, fixed.get(name)));
  const replicas = new Map<string, readonly RecordedReplica[]>();
  const names = new Set(partNames(target));
  for (const [service, part] of Object.entries(target.services)) {
    const own = [{ name: service, addresses: await pickAddresses(part, ports, fixed.get(service)) }];
    for (let number = 2; number <= (counts[service] ?? 1); number += 1) {
      const name = replicaName(service, names);
      names.add(name);
      own.push({ name, addresses: await pickAddresses(part, ports) });
    }
    replicas.set(service, own);
  }
  const free = async (): Promise<Address> => ({ host, port: await ports.pick() });
  const stores = new Map<string, Address>();
  for (const name of Object.keys(target.stores)) stores.set(name, await free());

  const edges: FleetEdge[] = [];
  for (const edge of edgesOf(target)) {
    const { caller, callee } = edge;
    const [replica] = upstreamsOf(target, edge, replicas.get(callee) ?? []);
    const upstream = stores.get(callee) ?? replica ?? outside.get(callee)?.[portOf(target, edge)];
    if (upstream === undefined)
      throw new Error(`${caller} calls ${callee}, which has no port ${portOf(target, edge)}`);
    edges.push({ caller, callee, proxy: `${caller}->${callee}`, listen: await free(), upstream });
  }
  return { proxyApi: await free(), receiver: await free(), edges, outside, replicas, stores };
}

/** All that something of the fleet is to listen at. */
export function listenersOf(plan: FleetPlan): readonly Address[] {
  return [
    plan.proxyApi,
    plan.receiver,
    ...plan.edges.map(({ listen }) => listen),
    ...[...plan.outside.values()].flatMap((own) => Object.values(own)),
    ...[...plan.replicas.values()].flat().flatMap(({ addresses }) => Object.values(addresses)),
    ...plan.stores.values(),
  ];
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
