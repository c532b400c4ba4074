import { z } from "zod";
import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import { waitAtMost } from "../../base/wait.ts";
import { changedContainer, type Stacks } from "./changed-container.ts";
import { pastEvents } from "./container-events.ts";
import { untilReady } from "./container-ready.ts";
import { ask } from "./docker-engine.ts";
import { containerOf, stateOf, type Stack } from "./stack.ts";

const endedSchema = z.object({ project: z.string(), container: z.string() });

/** The container is there already, running or not: what was asked for is so. */
export const notModified = 304;
/** Docker's answer to the end of what has ended. */
export const doesNotRun = 409;

/** What starting a container again takes. @throws {SQUALL_UNSUPPORTED} when it does not run: then nothing can end it */
export async function runningBefore(
  stacks: Stacks,
  target: Target,
  process: string,
): Promise<z.output<typeof endedSchema>> {
  const stack = await stacks(target);
  const { id, info } = await containerOf(stack, process);
  if (info.State.Running) return { project: stack.project, container: id };
  throw new SquallError("SQUALL_UNSUPPORTED", `${process} does not run: its container is ${stateOf(info)}`);
}

/**
 * Starts a container that was ended, unless it runs, and waits until it is ready.
 * Docker's restart policy does not do it: who ends a container by Docker meant it. One that is struck down just now, since
 * whoever did it died over it, runs a moment longer: so it is looked at again and again.
 */
export async function startAgain(
  stacks: Stacks,
  target: Target,
  process: string,
  record: unknown,
  signal: AbortSignal,
): Promise<void> {
  const before = endedSchema.parse(record);
  const stack = await stacks(target, before.project);
  await untilReady(stack, process, signal, async () => {
    const { id, info } = await changedContainer(stack, process, before.container);
    if (!info.State.Running)
      await ask(`start ${process}`, stack.docker.getContainer(id).start(), [notModified]);
  });
}

/** Signals with which a container is ended: those of `docker stop`, as images have it, and of `docker kill`. */
const endings = new Set(["2", "3", "9", "15"]);
/** What it was asked before may be answered meanwhile. */
const endsWithinMs = 5_000;

/**
 * The same for one that was asked to end by what is taken back, if it was: it may answer for a while yet, and end then. Docker
 * goes on with it when whoever asked is gone, and tells of it in its events alone.
 */
export async function startEnded(
  stacks: Stacks,
  target: Target,
  process: string,
  record: unknown,
  signal: AbortSignal,
): Promise<void> {
  const before = endedSchema.parse(record);
  const stack = await stacks(target, before.project);
  const { id, info } = await changedContainer(stack, process, before.container);
  if (info.State.Running && !info.State.Paused && (await isEnding(stack, id, info.State.StartedAt))) {
    const container = stack.docker.getContainer(id);
    const runsOn = async (): Promise<boolean> => {
      const { State: state } = await container.inspect();
      return state.Running && state.StartedAt === info.State.StartedAt;
    };
    const what = { what: `the end of ${process}`, withinMs: endsWithinMs, everyMs: 50, signal };
    if ((await waitAtMost(what, async () => !(await runsOn()))) === undefined)
      await ask(`kill ${process}`, container.kill(), [doesNotRun]);
  }
  await startAgain(stacks, target, process, before, signal);
}

async function isEnding(stack: Stack, id: string, startedAt: string): Promise<boolean> {
  const events = await pastEvents(stack, id, startedAt);
  return events.some(
    ({ action, attributes }) => action === "kill" && endings.has(attributes["signal"] ?? ""),
  );
}
