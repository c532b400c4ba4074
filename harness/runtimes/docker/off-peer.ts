import { crc32 } from "node:zlib";
import { z } from "zod";
import { parseAddress } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import { edgesOf } from "../../target/target.ts";
import type { ChangeEvidence, ChangeRecord, ProcessChange } from "../process-change.ts";
import type { Target } from "../../target/target.ts";
import type { Stacks } from "./changed-container.ts";
import { untilReady } from "./container-ready.ts";
import { ask } from "./docker-engine.ts";
import { runSidecar } from "./sidecar.ts";
import { isProxy, listProxies, proxyApiOf } from "./stack-proxy.ts";
import { containerOf, findContainers, type Stack, type StackContainer } from "./stack.ts";
import { runningBefore } from "./start-again.ts";

const beforeSchema = z.object({
  project: z.string(),
  container: z.string(),
  from: z.string(),
  /** Of the rules in the kernel, which are found by it whatever addresses they are about. */
  chain: z.string(),
  /** Containers that lose what comes and goes. */
  losing: z.array(z.string()),
});

/** A container, and what it is to lose: all to and from an address, or to one port of it. */
interface Loss {
  readonly container: StackContainer;
  readonly to: readonly { readonly address: string; readonly port?: number }[];
}

interface OffPeer extends ProcessChange<{ readonly from: string }> {
  evidence(target: Target, process: string, before: ChangeRecord): Promise<ChangeEvidence>;
}

/**
 * What a container and its peer send each other is lost: rules in the network of who calls drop it. No connection ends, no caller
 * is told. Where the proxy is between them, that is what the caller sends to the proxy's port of that edge, and what comes from
 * there, and nothing else.
 *
 *   order ──╳──▶ proxy:4011 ──▶ payment        partition: { process: payment, from: order }
 */
export function offPeer(stacks: Stacks): OffPeer {
  return {
    how: "rules that drop what is sent (iptables, in a sidecar)",
    async before(target, process, { from }) {
      const before = await runningBefore(stacks, target, process);
      const stack = await stacks(target);
      await requireTools(stack);
      const losses = await lossesBetween(stack, process, from);
      return {
        ...before,
        from,
        chain: chainOf(process, from),
        losing: losses.map(({ container: { id } }) => id),
      };
    },
    async make(target, process, { from }, signal) {
      const stack = await stacks(target);
      const losses = await lossesBetween(stack, process, from);
      const chain = chainOf(process, from);
      const lose = losses.map(({ container, to }) =>
        withTools(stack, container, chain, [removal(chain), addition(chain, to)].join("\n"), signal),
      );
      await Promise.all(lose);
    },
    async evidence(target, process, record) {
      const { project, from, chain, losing } = beforeSchema.parse(record);
      const stack = await stacks(target, project);
      const running = await runningAmong(stack, losing);
      const counts = running.map(async (container) =>
        packetsIn(await withTools(stack, container, chain, `iptables -w -nvxL ${chain} 2>&1 || :`, never)),
      );
      const sum = (await Promise.all(counts)).reduce((all, one) => all + one, 0);
      return { bit: sum > 0, detail: `${sum} packets between ${process} and ${from} were lost` };
    },
    async takeBack(target, process, record, signal) {
      const { project, container, chain, losing } = beforeSchema.parse(record);
      const stack = await stacks(target, project);
      // One that was started again, or made anew, has a new network, without rules.
      const running = await runningAmong(stack, [...new Set([container, ...losing])]);
      const put = running
        .filter(({ id }) => losing.includes(id))
        .map((one) => withTools(stack, one, chain, removal(chain), signal));
      await Promise.all(put);
      if (running.some(({ id }) => id === container)) await untilReady(stack, process, signal);
    },
  };
}

const never = new AbortController().signal;

function chainOf(process: string, from: string): string {
  return `PEER-${crc32(`${process} ${from}`).toString(16)}`;
}

/** Both ways, by one chain. */
const ways = ["INPUT", "OUTPUT"];

function addition(chain: string, to: Loss["to"]): string {
  const rules = to.flatMap(({ address, port }) => [
    `-d ${address}${port === undefined ? "" : ` -p tcp --dport ${port}`}`,
    `-s ${address}${port === undefined ? "" : ` -p tcp --sport ${port}`}`,
  ]);
  return [
    `iptables -w -N ${chain}`,
    ...rules.map((rule) => `iptables -w -A ${chain} ${rule} -j DROP`),
    ...ways.map((way) => `iptables -w -I ${way} -j ${chain}`),
  ].join("\n");
}

/** Whatever of it is there: nothing, or a part that a fault made which was cut off. */
function removal(chain: string): string {
  return [
    "set -e",
    "iptables -w -nL INPUT >/dev/null",
    ...ways.map((way) => `while iptables -w -D ${way} -j ${chain} 2>/dev/null; do :; done`),
    `if iptables -w -nL ${chain} >/dev/null 2>&1; then iptables -w -F ${chain}; iptables -w -X ${chain}; fi`,
  ].join("\n");
}

/** Of a chain's list, a line a rule, its count first. */
function packetsIn(list: string): number {
  const counts = [...list.matchAll(/^\s*(\d+)\s+\d+\s+DROP\s/gm)].map(([, count]) => Number(count));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function withTools(
  stack: Stack,
  { id }: StackContainer,
  chain: string,
  script: string,
  signal: AbortSignal,
): Promise<string> {
  const sidecar = {
    beside: id,
    // Two peers of one container may be cut off at once: each has a sidecar of its own.
    task: chain.toLowerCase(),
    image: await requireTools(stack),
    program: "sh",
    args: ["-c", script],
    user: "0:0",
    network: "shared",
    capabilities: ["NET_ADMIN", "NET_RAW"],
  } as const;
  return runSidecar(stack.docker, sidecar, signal);
}

/** @throws {SQUALL_UNSUPPORTED} where the target names no image, or the engine does not have it */
async function requireTools({ docker, target }: Stack): Promise<string> {
  const hint = "an image with sh and iptables, as docs/process-faults.md#partition says how to make one";
  const image = target.containers?.tools;
  if (image === undefined)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      "the target names no image with tools for networks (containers: { tools: … })",
      { hint },
    );
  const found = await ask(`look for the image ${image}`, docker.getImage(image).inspect(), [404]);
  if (found !== undefined) return image;
  throw new SquallError("SQUALL_UNSUPPORTED", `Docker does not have the image ${image} yet`, { hint });
}

/** @throws {SQUALL_UNSUPPORTED} where the two have no address that could be lost */
async function lossesBetween(stack: Stack, process: string, from: string): Promise<readonly Loss[]> {
  const own = await containerOf(stack, process);
  await containerOf(stack, from);
  const all = await findContainers(stack);
  const peers = all.filter(({ part, info }) => part === from && info.State.Running);
  const proxies = all.filter(isProxy).filter(({ info }) => info.State.Running);
  const [proxy] = proxies;
  const api = proxy && proxyApiOf(proxy);
  const listed = api === undefined ? {} : await listProxies(api);
  const toProxy = edgesOf(stack.target).flatMap(({ caller, callee }): readonly Loss[] => {
    const isBetween = (caller === own.part && callee === from) || (caller === from && callee === own.part);
    const port = parseAddress(listed[`${caller}->${callee}`]?.listen ?? "")?.port;
    if (!isBetween || port === undefined) return [];
    const to = addressesOf(proxies).map((address) => ({ address, port }));
    return (caller === own.part ? [own] : peers).map((container) => ({ container, to }));
  });
  const past = { container: own, to: addressesOf(peers).map((address) => ({ address })) };
  const byContainer = Map.groupBy([...toProxy, past], ({ container }) => container.id);
  const losses = [...byContainer.values()].flatMap(([first, ...others]): readonly Loss[] => {
    if (first === undefined) return [];
    const to = [first, ...others].flatMap((loss) => loss.to);
    return to.length === 0 ? [] : [{ container: first.container, to }];
  });
  if (losses.length > 0) return losses;
  throw new SquallError("SQUALL_UNSUPPORTED", `${process} and ${from} have no address that they could lose`);
}

/** @throws {SQUALL_UNSUPPORTED} where there are others than those of IPv4, which the rules are not about */
function addressesOf(containers: readonly StackContainer[]): readonly string[] {
  return containers.flatMap(({ name, info }) =>
    Object.values(info.NetworkSettings.Networks).flatMap(
      ({ IPAddress: address, GlobalIPv6Address: other }) => {
        if (other !== "")
          throw new SquallError(
            "SQUALL_UNSUPPORTED",
            `${name} has an address of IPv6 too, which would be reached`,
          );
        return address === "" ? [] : [address];
      },
    ),
  );
}

async function runningAmong(stack: Stack, ids: readonly string[]): Promise<readonly StackContainer[]> {
  const all = await findContainers(stack);
  return all.filter(({ id, info }) => ids.includes(id) && info.State.Running);
}
