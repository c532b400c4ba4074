import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import type { Target } from "../../target/target.ts";
import type { ProcessChange } from "../process-change.ts";
import type { Stacks } from "./changed-container.ts";
import { ask } from "./docker-engine.ts";
import {
  findSidecar,
  forgetSidecar,
  removeSidecar,
  runSidecar,
  sidecarLines,
  startSidecar,
  type Sidecar,
} from "./sidecar.ts";
import {
  containerById,
  containerOf,
  receiverPart,
  variableOf,
  type Stack,
  type StackContainer,
} from "./stack.ts";
import { runningBefore } from "./start-again.ts";

const beforeSchema = z.object({ project: z.string(), container: z.string(), name: z.string() });

const liar = readFileSync(join(import.meta.dirname, "name-liar.ts"), "utf8");
const task = "name";
/** Node has to start in it, on a busy machine. */
const readyWithinMs = 20_000;
/** One that is held up is killed, and another one puts things right. */
const endsWithinSeconds = 1;

interface NameWanted {
  /** Of a callee, as the target calls it. */
  readonly name: string;
  readonly delayMs?: number | undefined;
}

/**
 * A sidecar answers the container's questions about names, and lies about one (name-liar.ts). Connections that are open stay so:
 * who does not ask does not notice.
 */
export function breakName(stacks: Stacks): ProcessChange<NameWanted> {
  return {
    how: "a sidecar that answers its questions about names",
    async before(target, process, { name: callee }) {
      const before = await runningBefore(stacks, target, process);
      const stack = await stacks(target);
      const container = await containerOf(stack, process);
      if (container.info.HostConfig.NetworkMode === "host")
        throw new SquallError(
          "SQUALL_UNSUPPORTED",
          `${process} is on the machine's own network, and asks whom the machine asks`,
        );
      await imageOfOurs(stack);
      return { ...before, name: nameKnown(target, container, callee) };
    },
    async make(target, process, { name: callee, delayMs }, signal) {
      const stack = await stacks(target);
      const container = await containerOf(stack, process);
      const sidecar = await sidecarBy(stack, container.id, nameKnown(target, container, callee), delayMs);
      signal.throwIfAborted();
      const started = await startSidecar(stack.docker, sidecar);
      const until = { what: `${process} to be answered by its sidecar`, withinMs: readyWithinMs, signal };
      await waitFor({ ...until, everyMs: 50 }, async () => (await sidecarLines(started)).includes("ready"));
    },
    async evidence(target, process, record) {
      const { project, container, name } = beforeSchema.parse(record);
      const { docker } = await stacks(target, project);
      const found = await findSidecar(docker, { beside: container, task });
      const lines = found === undefined ? [] : await sidecarLines(found.container);
      const times = lines.filter((line) => line === "asked").length;
      return { bit: times > 0, detail: `${process} asked ${times} times for ${name}` };
    },
    async takeBack(target, process, record, signal) {
      const { project, container: beside } = beforeSchema.parse(record);
      const stack = await stacks(target, project);
      const { docker } = stack;
      const found = await findSidecar(docker, { beside, task });
      // It is removed last: where it is not, nothing was done, or all is undone.
      if (found === undefined) return forgetSidecar(docker, await sidecarBy(stack, beside, "", undefined));
      await ask(`end the sidecar of ${process}`, found.container.stop({ t: endsWithinSeconds }), [
        notRunning,
      ]);
      const { info } = (await findSidecar(docker, { beside, task })) ?? found;
      const stands = await containerById(stack, process, beside);
      // One that was killed, or never came to it, has not put things right.
      if (info.State.ExitCode !== 0 && stands?.info.State.Running === true)
        await runSidecar(docker, await sidecarBy(stack, beside, "", undefined), signal);
      await removeSidecar(docker, { beside, task });
    },
  };
}

const notRunning = 304;

async function sidecarBy(
  stack: Stack,
  beside: string,
  name: string,
  delayMs: number | undefined,
): Promise<Sidecar> {
  const options = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval", liar];
  return {
    beside,
    task,
    image: await imageOfOurs(stack),
    program: "node",
    args: [...options, name, delayMs === undefined ? "" : String(delayMs)],
    user: "0:0", // whose file resolv.conf is
    network: "shared",
    capabilities: ["NET_BIND_SERVICE"],
  };
}

/** The receiver is a part of Squall in every stack, so that its image has Node, whatever those of the others have. */
async function imageOfOurs(stack: Stack): Promise<string> {
  return (await containerOf(stack, receiverPart)).info.Image;
}

/**
 * The name by which a service calls another part: of the address that it was given.
 * @throws {SQUALL_UNSUPPORTED} where it has none, or one that leads elsewhere too
 */
function nameKnown(
  { services }: Target,
  { part, name: process, info }: StackContainer,
  callee: string,
): string {
  const calls = services[part]?.calls ?? {};
  const known = Object.entries(calls).map(([other, { env }]) => ({
    other,
    env,
    host: hostIn(variableOf(info, env)),
  }));
  const own = known.find(({ other }) => other === callee);
  if (own?.host === undefined)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      `nothing says by which name ${process} knows ${callee}${own === undefined ? "" : ` (${own.env} is no address)`}`,
    );
  const { host } = own;
  if (isIP(host) !== 0)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      `${process} knows ${callee} by its address ${host}, not by a name`,
    );
  const others = known.filter((one) => one.host === host && one !== own).map(({ other }) => other);
  if (others.length > 0)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      `${process} knows ${callee} by the name ${host}, and by that ${others.join(", ")} too`,
      { hint: "give the proxy a name for each callee in the Compose file: docs/process-faults.md#dns" },
    );
  return host;
}

/** "payment.edges" of "http://payment.edges:4011" */
function hostIn(address: string | undefined): string | undefined {
  return /^(?:[a-z][a-z0-9+.-]*:\/\/(?:[^@/]*@)?)?([^:/?#[\]@]+|\[[^\]]+\])(?::\d+)?(?:[/?#]|$)/i
    .exec(address ?? "")?.[1]
    ?.replace(/^\[|\]$/g, "");
}
