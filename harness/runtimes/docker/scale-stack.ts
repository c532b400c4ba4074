import type { ContainerInspectInfo } from "dockerode";
import { formatAddress, parseAddress } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import { edgesOf, type Target } from "../../target/target.ts";
import { callProxy, drained, healthOf, upstreamFigures } from "../edge-upstreams.ts";
import { instanceVariables } from "../instance-variables.ts";
import type { ChangeOptions, ReplicaChange, ServiceReplicas } from "../runtime.ts";
import { askAgain } from "./ask-again.ts";
import { partOf, untilReady } from "./container-ready.ts";
import { ask } from "./docker-engine.ts";
import {
  addressesOf,
  findContainers,
  numberLabel,
  serviceLabel,
  type Stack,
  type StackContainer,
} from "./stack.ts";
import { isProxy, proxyApiOf } from "./stack-proxy.ts";
import { notModified } from "./start-again.ts";

/**
 * Replicas of a service of a stack: copies of its container, beside those that Compose made.
 *
 *   come: made as its sibling was, but for its name on the network ─→ ready ─→ edges lead to it
 *   go:   edges lead to it no more ─→ drained ─→ ended, and a copy removed
 *
 * Edges lead to what they led to before (the name that all of Compose's share), and to each copy by the name of its container. So
 * nothing is on record but what stands there, and the next change puts right what one that was killed left half done.
 */

/** On a copy: the service that it is of. */
const copyLabel = "squall.replica-of";
/** How long callers may keep a connection to a replica that they are led to no more. */
const drainWithinMs = 5_000;
const stopWithinSeconds = 10;
const removed = [404, 409];
const host = "127.0.0.1";

/** @throws {SQUALL_NO_FLEET|SQUALL_UNSUPPORTED|SQUALL_PROXY|SQUALL_DOCKER} */
export async function listStackReplicas(stack: Stack): Promise<readonly ServiceReplicas[]> {
  const containers = await findContainers(stack);
  const api = proxyApiIn(stack, containers);
  return Promise.all(
    Object.keys(stack.target.services).map(async (service) => {
      const edges = edgesTo(stack.target, service);
      const own = containers.filter(({ part }) => part === service);
      const figures = await upstreamFigures(api, edges);
      // Those that Compose scaled share a name, and so a figure: it is told of the oldest.
      const named = new Map([...own].reverse().map((container) => [nameIn(container), container.id]));
      const replicas = own.map((container) => {
        const isTold = named.get(nameIn(container)) === container.id;
        const known = [...figures]
          .filter(([address]) => hostIn(address) === nameIn(container))
          .map(([, one]) => one);
        const isUp = known.every((one) => one.isUp);
        return {
          name: container.name,
          pid: container.info.State.Pid,
          addresses: addressesOf(container.info, { ports: partOf(stack.target, service)?.ports ?? {} }),
          state: !container.info.State.Running
            ? ("dead" as const)
            : isUp
              ? ("up" as const)
              : ("down" as const),
          connections: isTold ? known.reduce((sum, { connections }) => sum + connections, 0) : 0,
        };
      });
      return { service, replicas };
    }),
  );
}

/** @throws {SQUALL_NO_FLEET|SQUALL_UNSUPPORTED|SQUALL_FLEET_START|SQUALL_PROXY|SQUALL_DOCKER} */
export async function scaleStack(
  stack: Stack,
  service: string,
  count: number,
  options: ChangeOptions,
): Promise<ReplicaChange> {
  const change = await Change.begin(stack, service, options);
  await change.add(count - change.live.length);
  for (const container of change.live.slice(count).reverse()) await change.remove(container);
  return change.result;
}

/**
 * Restarts each container of a service, one at a time, while a copy takes its place.
 * @throws as {@link scaleStack}
 */
export async function restartInStack(
  stack: Stack,
  service: string,
  options: ChangeOptions,
): Promise<ReplicaChange> {
  const change = await Change.begin(stack, service, options);
  const { live } = change;
  await change.add(1);
  try {
    for (const container of live) await change.restart(container);
  } finally {
    for (const container of change.live.slice(live.length).reverse()) await change.remove(container);
  }
  return change.result;
}

/** One change of a service's replicas, under way. */
class Change {
  readonly #stack: Stack;
  readonly #service: string;
  readonly #options: ChangeOptions;
  readonly #api: string;
  readonly #started: string[] = [];
  readonly #stopped: string[] = [];
  #containers: readonly StackContainer[] = [];
  #before = 0;

  private constructor(stack: Stack, service: string, options: ChangeOptions, api: string) {
    this.#stack = stack;
    this.#service = service;
    this.#options = options;
    this.#api = api;
  }

  static async begin(stack: Stack, service: string, options: ChangeOptions): Promise<Change> {
    const all = await findContainers(stack);
    const change = new Change(stack, service, options, proxyApiIn(stack, all));
    await change.#look();
    if (change.#containers.length === 0)
      throw new SquallError("SQUALL_NO_FLEET", `no container of the stack ${stack.project} is ${service}`, {
        hint: "docker compose up --wait",
      });
    if (change.#containers.some(({ info }) => info.Config.Labels[serviceLabel] !== service))
      throw new SquallError(
        "SQUALL_UNSUPPORTED",
        `${service} is a foreign container, of which no copies are made`,
      );
    // What a change that was killed left half made, and copies that have died since.
    for (const dead of change.#containers.filter((one) => isCopy(one) && !one.info.State.Running))
      await change.#forget(dead);
    await change.#lead();
    change.#before = change.live.length;
    return change;
  }

  get result(): ReplicaChange {
    return { before: this.#before, after: this.live.length, started: this.#started, stopped: this.#stopped };
  }

  /** Those that run, the oldest first. */
  get live(): readonly StackContainer[] {
    return this.#containers.filter(({ info }) => info.State.Running);
  }

  /** Starts so many more, all at once, those of Compose's that stand still first, and has them called once all are ready. */
  async add(count: number): Promise<void> {
    if (count <= 0) return;
    const { signal } = this.#options;
    signal.throwIfAborted();
    const { docker } = this.#stack;
    const asleep = this.#containers.filter(({ info }) => !info.State.Running).slice(0, count);
    const [sibling] = this.#containers;
    if (sibling === undefined) throw new Error(`${this.#service} has no container to copy`);
    const last = Math.max(...this.#containers.map(({ info }) => numberOf(info)));
    const numbers = Array.from({ length: count - asleep.length }, (_, index) => last + 1 + index);
    const copies = numbers.map((number) => `${this.#service}-${number}`);
    const names = [...asleep.map(({ name }) => name), ...copies];
    try {
      for (const { id, name } of asleep)
        await askAgain(`start ${name}`, () => docker.getContainer(id).start(), {
          signal,
          fine: [notModified],
        });
      for (const number of numbers) await makeCopy(this.#stack, sibling, number);
      await Promise.all(
        names.map(async (name) => {
          await untilReady(this.#stack, name, signal);
          this.#tell(`${name} is ready`);
        }),
      );
      await this.#look();
      await this.#lead();
      this.#started.push(...names);
    } catch (error) {
      await this.#look();
      for (const made of this.#containers.filter(({ name }) => copies.includes(name)))
        await this.#forget(made);
      for (const one of asleep) await this.#stop(one);
      throw error;
    }
  }

  /** Has a replica called no more, waits until it is drained, and ends it. One of Compose's drains by itself as it stops. */
  async remove(container: StackContainer): Promise<void> {
    const { id, name } = container;
    if (isCopy(container)) {
      const edges = edgesTo(this.#stack.target, this.#service);
      const addresses = await this.#lead(container);
      const left = await drained(this.#api, edges, addresses, drainWithinMs);
      this.#tell(
        left === 0
          ? `${name} is drained`
          : `${name} still has ${left} connections after ${drainWithinMs} ms: it is left to end them itself`,
      );
    }
    await this.#stop(container);
    if (isCopy(container)) await this.#forget(container);
    this.#stopped.push(name);
    this.#tell(`${name} is ended`);
    this.#containers = this.#containers.filter((one) => one.id !== id);
  }

  async restart(container: StackContainer): Promise<void> {
    const { id, name } = container;
    await this.#stop(container);
    const start = (): Promise<unknown> => this.#stack.docker.getContainer(id).start();
    await askAgain(`start ${name}`, start, { fine: [notModified] });
    await untilReady(this.#stack, name, this.#options.signal);
    this.#started.push(name);
    this.#stopped.push(name);
    this.#tell(`${name} is ready again`);
  }

  async #stop({ id, name }: StackContainer): Promise<void> {
    await ask(`stop ${name}`, this.#stack.docker.getContainer(id).stop({ t: stopWithinSeconds }), [
      notModified,
    ]);
  }

  async #forget({ id, name }: StackContainer): Promise<void> {
    const container = this.#stack.docker.getContainer(id);
    await ask(`remove ${name}`, container.remove({ force: true, v: true }), removed);
    this.#containers = this.#containers.filter((one) => one.id !== id);
  }

  async #look(): Promise<void> {
    this.#containers = (await findContainers(this.#stack, this.#service)).filter(
      ({ part }) => part === this.#service,
    );
  }

  /** Has the edges lead to what runs. @param but not to this one @returns its addresses on the edges */
  async #lead(but?: StackContainer) {
    const { target } = this.#stack;
    const copies = this.live.filter((one) => isCopy(one) && one.id !== but?.id);
    const left = await Promise.all(
      edgesTo(target, this.#service).map(async (edge) => {
        const { upstream, upstreams } = await callProxy(this.#api, "GET", edge.proxy);
        const port = parseAddress(upstream)?.port ?? 0;
        const wanted = [upstream, ...copies.map((copy) => formatAddress({ host: nameIn(copy), port }))];
        const led = upstreams.map(({ address }) => address);
        if (wanted.join() !== led.join())
          await callProxy(this.#api, "PATCH", edge.proxy, {
            upstreams: wanted,
            health: wanted.length === 1 ? null : healthOf(target, edge),
          });
        return but === undefined ? [] : [{ host: nameIn(but), port }];
      }),
    );
    return left.flat();
  }

  #tell(message: string): void {
    this.#options.onProgress?.(message);
  }
}

function isCopy({ info }: StackContainer): boolean {
  return info.Config.Labels[copyLabel] !== undefined;
}

/** By which the proxy in the stack knows it: a copy by the name of its container, Compose's by that of the service. */
function nameIn(container: StackContainer): string {
  return isCopy(container) ? container.info.Name.slice(1) : container.part;
}

function hostIn(address: string): string | undefined {
  return parseAddress(address)?.host;
}

function numberOf({ Config: config }: ContainerInspectInfo): number {
  return Number(config.Labels[numberLabel] ?? 1);
}

function edgesTo(target: Target, service: string) {
  return edgesOf(target)
    .filter(({ callee }) => callee === service)
    .map((edge) => ({ ...edge, proxy: `${edge.caller}->${edge.callee}` }));
}

/** @throws {SQUALL_NO_FLEET} */
function proxyApiIn({ project }: Stack, containers: readonly StackContainer[]): string {
  const proxy = containers.find((one) => isProxy(one) && one.info.State.Running);
  const address = proxy && proxyApiOf(proxy);
  if (address !== undefined) return `http://${formatAddress(address)}`;
  throw new SquallError("SQUALL_NO_FLEET", `no proxy of the stack ${project} is up`, {
    hint: "docker compose up --wait",
  });
}

/** Makes a container as its sibling is, on other ports of this machine, and starts it. */
async function makeCopy(
  { docker, project }: Stack,
  { part, info }: StackContainer,
  number: number,
): Promise<void> {
  const { Config: config, HostConfig: hostConfig, NetworkSettings: settings } = info;
  const name = `${part}-${number}`;
  const [network = "none", ...others] = Object.keys(settings.Networks);
  const bindings = Object.keys((hostConfig.PortBindings ?? {}) as object);
  const { Hostname: _ofSibling, ...rest } = config;
  const own = Object.entries(instanceVariables(name));
  const made = await ask(
    `make ${name}`,
    docker.createContainer({
      ...rest,
      name: `${project}-${name}`,
      Image: info.Image,
      Env: [
        ...config.Env.filter((line) => !own.some(([variable]) => line.startsWith(`${variable}=`))),
        ...own.map(([variable, value]) => `${variable}=${value}`),
      ],
      Labels: { ...config.Labels, [numberLabel]: String(number), [copyLabel]: part },
      HostConfig: {
        ...hostConfig,
        PortBindings: Object.fromEntries(bindings.map((port) => [port, [{ HostIp: host, HostPort: "" }]])),
      },
      NetworkingConfig: { EndpointsConfig: { [network]: {} } },
    }),
  );
  if (made === undefined) throw new Error(`Docker made no ${name}`);
  for (const other of others)
    await ask(`connect ${name}`, docker.getNetwork(other).connect({ Container: made.id }));
  await askAgain(`start ${name}`, () => made.start(), { fine: [notModified] });
}
