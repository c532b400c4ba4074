import { formatAddress } from "../../base/address.ts";
import { SquallError, messageOf } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import type { Part, Target } from "../../target/target.ts";
import { addressesOf, containerOf, stateOf, type Stack, type StackContainer } from "./stack.ts";

/** A service has to migrate, a store to go through its log, on a busy machine. */
const readyWithinMs = 30_000;
const askTimeoutMs = 2_000;

/**
 * Waits until a process is ready: a service or a part of the outside world answers, a store's health check says so. One that
 * another change holds (paused, or off its networks) cannot be asked, and is not waited for.
 * @throws {SQUALL_FLEET_START} when it is not, saying how its container is
 * @throws the signal's reason, when it aborts
 */
export async function untilReady(
  stack: Stack,
  process: string,
  signal: AbortSignal,
  beforeEachLook: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  let state = "not looked at";
  const what = { what: `${process} to be ready`, withinMs: readyWithinMs, everyMs: 100, signal };
  try {
    await waitFor(what, async () => {
      await beforeEachLook();
      const container = await containerOf(stack, process);
      state = stateOf(container.info);
      return isHeld(container) || (await isReady(stack.target, container, signal));
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SquallError && error.code !== "SQUALL_TIMEOUT") throw error;
    throw new SquallError(
      "SQUALL_FLEET_START",
      `${process} is not ready: its container is ${state} (${messageOf(error)})`,
      {
        hint: `docker compose logs ${process}`,
        cause: error,
      },
    );
  }
}

function isHeld({ info }: StackContainer): boolean {
  return info.State.Paused || (info.State.Running && Object.keys(info.NetworkSettings.Networks).length === 0);
}

async function isReady(
  target: Target,
  { part, info }: StackContainer,
  signal: AbortSignal,
): Promise<boolean> {
  if (!info.State.Running || info.State.Restarting) return false;
  const told = partOf(target, part);
  const address = told && addressesOf(info, told)["http"];
  if (told === undefined || address === undefined) return stateOf(info) === "running";
  const timed = AbortSignal.any([signal, AbortSignal.timeout(askTimeoutMs)]);
  const response = await fetch(`http://${formatAddress(address)}${told.ready}`, { signal: timed });
  await response.body?.cancel();
  return response.ok;
}

/** What the target says of a service or a part of the outside world. */
export function partOf({ services, outside }: Target, name: string): Part | undefined {
  return services[name] ?? outside[name];
}
