import type { Address } from "../../base/address.ts";
import type { Edge } from "../../base/edge.ts";
import type { Part, Target } from "../../target/target.ts";
import { portOf } from "../edge-upstreams.ts";
import type { PortPicker } from "./free-ports.ts";
import type { RecordedReplica } from "./fleet-state.ts";

/** How the replicas of a service are called, what each is told of itself, and where the edges to them lead. */

const host = "127.0.0.1";

/** "catalog", then "catalog-2", "catalog-3": the first that is not taken. */
export function replicaName(service: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? service : `${service}-${number}`;
    if (!taken.has(name)) return name;
  }
}

/** Every name that something in a target goes by. */
export function partNames({ services, outside, stores }: Target): ReadonlySet<string> {
  return new Set([services, outside, stores].flatMap((group) => Object.keys(group)));
}

/** Free ports for one process of a part. @param fixed those of its ports that shall be the target's own */
export async function pickAddresses(
  { ports }: Part,
  picker: PortPicker,
  fixed: Readonly<Record<string, number>> = {},
): Promise<Record<string, Address>> {
  const picked: Record<string, Address> = {};
  for (const name of Object.keys(ports)) picked[name] = { host, port: fixed[name] ?? (await picker.pick()) };
  return picked;
}

/** The variables by which a process learns on which ports it shall listen. */
export function portVariables(
  { ports }: Part,
  addresses: Readonly<Record<string, Address>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ports).map(([name, { env }]) => [env, String(addresses[name]?.port)]),
  );
}

/** Where an edge to a service leads: to that port of each of its replicas. */
export function upstreamsOf(
  target: Target,
  edge: Edge,
  replicas: readonly RecordedReplica[],
): readonly Address[] {
  const port = portOf(target, edge);
  return replicas.map(({ name, addresses }) => {
    const address = addresses[port];
    if (address === undefined) throw new Error(`${edge.caller} calls ${name}, which has no port ${port}`);
    return address;
  });
}
