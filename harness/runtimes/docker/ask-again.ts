import { systemClock, type Clock } from "../../base/clock.ts";
import { SquallError } from "../../base/errors.ts";
import { ask, reasonOf, statusOf } from "./docker-engine.ts";

/**
 * What the engine says, with status 500, when it could not do a thing just then, and may a moment later:
 *
 * - A cgroup of version 1 does not freeze while something in it forks or executes. runc tries for a while, thaws it and gives up
 *   (opencontainers/runc#2774, moby/moby#48205); it freezes to change limits too, under systemd (opencontainers/runc#3804).
 * - Somebody else changes the machine's iptables, for which engines up to 20.10 do not wait (moby/moby#44331).
 */
const passing = /unable to freeze|holding the xtables lock/;

const withinMs = 5_000;
const everyMs = 100;

interface Patience {
  readonly signal?: AbortSignal;
  /** As {@link ask} has them. */
  readonly fine?: readonly number[];
  /** @default the machine's */
  readonly clock?: Clock;
}

/**
 * The same as {@link ask}; but what is refused for a reason that passes is asked again, for 5 s at most.
 * @throws {SQUALL_DOCKER} with the last refusal
 * @throws the signal's reason, when it aborts between two attempts
 */
export async function askAgain<T>(
  what: string,
  call: () => Promise<T>,
  { signal, fine = [], clock = systemClock }: Patience = {},
): Promise<T | undefined> {
  const deadlineMs = clock.nowMs() + withinMs;
  for (;;) {
    try {
      return await ask(what, call(), fine);
    } catch (error) {
      if (!isPassing(error) || clock.nowMs() >= deadlineMs) throw error;
      await clock.sleep(everyMs, signal);
    }
  }
}

function isPassing(error: unknown): boolean {
  const refusal = error instanceof SquallError ? error.cause : undefined;
  return statusOf(refusal) === 500 && passing.test(reasonOf(refusal));
}
