import { formatAddress, parseAddress, type Address } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import { clientName, edgesOf, kindOf } from "../../target/target.ts";
import type { Fleet, FleetEdge, Replica } from "../runtime.ts";
import { followLogs } from "./container-logs.ts";
import { partOf } from "./container-ready.ts";
import { watchEnds } from "./process-ends.ts";
import {
  addressesOf,
  findContainers,
  publishedAt,
  receiverPart,
  stateOf,
  variableOf,
  type Stack,
  type StackContainer,
} from "./stack.ts";
import { isProxy, listProxies, proxyApiOf, proxyApiPort } from "./stack-proxy.ts";
import { storeUrl } from "./store-url.ts";

/**
 * The fleet that a stack is.
 * @returns nothing where the project has no container at all
 * @throws {SQUALL_FLEET_START} naming each part that is missing, does not run or is not well
 * @throws {SQUALL_DOCKER|SQUALL_PROXY}
 */
export async function attachStack(stack: Stack): Promise<Fleet | undefined> {
  const first = await findContainers(stack);
  if (first.length === 0) return undefined;
  requireWhole(stack, first);
  const { target } = stack;
  const proxy = first.find(isProxy);
  const receiver = first.find(({ part }) => part === receiverPart);
  const proxyApi = proxy && proxyApiOf(proxy);
  const receiverAt = receiver && onlyPublished(receiver);
  if (proxy === undefined || proxyApi === undefined || receiverAt === undefined)
    throw new Error("a stack without a proxy or a receiver is not whole");
  const edges = await edgesThrough(stack, proxy, proxyApi);
  const stores = new Map<string, string>();
  for (const container of first)
    if (kindOf(target, container.part) === "store")
      stores.set(container.part, await storeUrl(stack.docker, container));

  let containers = first;
  /** Of a container that does not run, what it had: it is published nowhere meanwhile. */
  const known = new Map<string, Readonly<Record<string, Address>>>();
  const take = (found: readonly StackContainer[]): void => {
    containers = found.filter(
      (one) => isProxy(one) || one.part === receiverPart || kindOf(target, one.part) !== undefined,
    );
    for (const { id, part, info } of containers) {
      const told = partOf(target, part);
      if (told !== undefined) known.set(id, { ...known.get(id), ...addressesOf(info, told) });
    }
  };
  take(first);

  return {
    target,
    settings: settingsOf(stack, first),
    proxyApi: `http://${formatAddress(proxyApi)}`,
    entry: `http://${formatAddress(edges.find(({ caller }) => caller === clientName)?.listen ?? proxyApi)}`,
    receiver: `http://${formatAddress(receiverAt)}`,
    spanDelivery: "queue",
    stores,
    edges,
    get replicas() {
      return new Map(
        Object.keys(target.services).map((service) => [
          service,
          containers.flatMap(({ id, name, part, info }): readonly Replica[] =>
            part === service ? [{ name, pid: info.State.Pid, addresses: known.get(id) ?? {} }] : [],
          ),
        ]),
      );
    },
    get addresses() {
      const own = containers.flatMap(({ id, name }) => {
        const addresses = known.get(id);
        return addresses === undefined ? [] : [[name, addresses] as const];
      });
      return new Map(own);
    },
    get processes() {
      return containers.map(({ name, info }) => ({ name, pid: info.State.Pid }));
    },
    keepLogs: (folder) => followLogs(stack, folder),
    watchEnds: (onEnd) => watchEnds(stack, { containers: () => containers, take, onEnd }),
    stop: () =>
      Promise.reject(
        new SquallError("SQUALL_UNSUPPORTED", "a stack is Compose's to end", { hint: "docker compose down" }),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(), // it was there before, and is there after
  };
}

function onlyPublished({ info }: StackContainer): Address | undefined {
  const [port] = Object.entries(info.NetworkSettings.Ports).flatMap(([name, at]) =>
    at?.length > 0 ? [name] : [],
  );
  return port === undefined ? undefined : publishedAt(info, port.replace("/tcp", ""));
}

/** @throws {SQUALL_FLEET_START} with every problem */
function requireWhole({ target, project }: Stack, containers: readonly StackContainer[]): void {
  const { services, outside, stores } = target;
  const problemsOf = (part: string, of: readonly StackContainer[]): readonly string[] => {
    if (of.length === 0) return [`${part} is missing`];
    const states = of.map(({ name, info }) => ({ name, info, state: stateOf(info) }));
    const unwell = states.filter(({ state }) => state !== "running");
    if (unwell.length > 0) return unwell.map(({ name, state }) => `${name} is ${state}`);
    return states.flatMap(({ name, info }) => unpublished(part, name, info));
  };
  const unpublished = (part: string, name: string, info: StackContainer["info"]): readonly string[] => {
    const told = partOf(target, part);
    if (told !== undefined) {
      const published = addressesOf(info, told);
      return Object.entries(told.ports).flatMap(([port, { env }]) =>
        port === "http" && published[port] === undefined
          ? [`${name} does not publish its port ${port} (${variableOf(info, env) ?? `${env} is not set`})`]
          : [],
      );
    }
    if (part in stores && publishedAt(info, storePort) === undefined)
      return [`${name} does not publish its port ${storePort}`];
    if (part === receiverPart && onlyPublished({ id: "", name, part, info }) === undefined)
      return [`${name} publishes no port`];
    if (part === "proxy" && publishedAt(info, proxyApiPort) === undefined)
      return [`${name} does not publish its port ${proxyApiPort}`];
    return [];
  };
  const proxies = containers.filter(isProxy);
  const problems = [
    ...[...Object.keys(services), ...Object.keys(outside), ...Object.keys(stores), receiverPart].flatMap(
      (part) =>
        problemsOf(
          part,
          containers.filter((one) => one.part === part),
        ),
    ),
    ...problemsOf("proxy", proxies),
  ];
  if (problems.length === 0) return;
  throw new SquallError("SQUALL_FLEET_START", `the stack ${project} is half up: ${problems.join("; ")}`, {
    hint: "docker compose up --wait",
  });
}

const storePort = 5432;

/** @throws {SQUALL_FLEET_START} when the proxy does not stand on every edge @throws {SQUALL_PROXY} */
async function edgesThrough(
  { target }: Stack,
  { info }: StackContainer,
  api: Address,
): Promise<readonly FleetEdge[]> {
  const proxies = await listProxies(api);
  const problems: string[] = [];
  const edges = edgesOf(target).flatMap(({ caller, callee }): readonly FleetEdge[] => {
    const name = `${caller}->${callee}`;
    const inside = parseAddress(proxies[name]?.listen ?? "");
    const upstream = parseAddress(proxies[name]?.upstream ?? "");
    // Callers in the stack go to the proxy's own port, clients to where that is published.
    const listen = inside && (caller === clientName ? publishedAt(info, inside.port) : inside);
    if (inside === undefined || upstream === undefined) problems.push(`the proxy does not stand on ${name}`);
    else if (listen === undefined) problems.push(`the port of ${name} (${inside.port}) is not published`);
    else return [{ caller, callee, proxy: name, listen, upstream }];
    return [];
  });
  if (problems.length === 0) return edges;
  throw new SquallError("SQUALL_FLEET_START", `the stack cannot be used: ${problems.join("; ")}`, {
    hint: "docker/proxy.json names every edge of the target",
  });
}

/** Value of each setting, as the services were given it; of services that differ, all of them. */
function settingsOf(
  { target }: Stack,
  containers: readonly StackContainer[],
): Readonly<Record<string, string>> {
  const services = containers.filter(({ part }) => part in target.services);
  return Object.fromEntries(
    Object.entries(target.settings).map(([name, { env, default: usual }]) => {
      const values = new Set(services.map(({ info }) => variableOf(info, env) ?? usual));
      return [name, [...values].join(" or ")];
    }),
  );
}
