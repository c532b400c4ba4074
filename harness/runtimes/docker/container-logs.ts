import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { systemClock } from "../../base/clock.ts";
import { kindOf } from "../../target/target.ts";
import type { KeptLogs } from "../runtime.ts";
import { watchContainers } from "./container-events.ts";
import { reasonOf, statusOf } from "./docker-engine.ts";
import { logMessages } from "./log-frames.ts";
import { findContainers, proxyParts, receiverPart, type Stack, type StackContainer } from "./stack.ts";

/** Follows what every container of a stack logs from now on into a folder, also over its restarts. */
export async function followLogs(stack: Stack, folder: string): Promise<KeptLogs> {
  const since = new Date(systemClock.nowMs()).toISOString();
  const followers = new Map<string, Follower>();
  let following = followAll();
  await following;
  /** Why containers that came may have been missed. */
  const missed: string[] = [];
  // A copy of a container may be gone again before all is settled.
  const watching = await watchContainers(stack, (event) => {
    if (event?.action !== "start") return;
    following = following.then(followAll).catch((error: unknown) => {
      missed.push(`the log of a container that came and went may be missing: ${reasonOf(error)}`);
    });
  });
  let settled: Promise<readonly string[]> | undefined;
  const settle = (): Promise<readonly string[]> => {
    settled ??= settleAll();
    return settled;
  };
  return {
    settle,
    async [Symbol.asyncDispose]() {
      await settle();
    },
  };

  /** Containers that came meanwhile too. */
  async function followAll(): Promise<void> {
    for (const container of await findContainers(stack))
      if (isOfFleet(stack, container) && !followers.has(container.id))
        followers.set(container.id, followLog(stack, container, folder, since));
  }

  async function settleAll(): Promise<readonly string[]> {
    watching[Symbol.dispose]();
    await following;
    await followAll();
    const missing = await Promise.all([...followers.values()].map((follower) => follower.settle()));
    return [...missed, ...missing.flat()];
  }
}

/** The target's parts, the proxy and the receiver: what else the stack has (boards, a load) is not the fleet's. */
function isOfFleet({ target }: Stack, { part }: StackContainer): boolean {
  return (
    kindOf(target, part) !== undefined || part === receiverPart || proxyParts.some((name) => name === part)
  );
}

interface Follower {
  /** @returns what is missing, in words */
  settle(): Promise<readonly string[]>;
}

const askAgainAfterMs = 500;

function followLog(
  stack: Stack,
  { id, name, part, info }: StackContainer,
  folder: string,
  since: string,
): Follower {
  const kind = kindOf(stack.target, part);
  const own = kind === undefined ? `squall-${part}` : name;
  const file = createWriteStream(join(folder, `${own}.${kind === "store" ? "log" : "jsonl"}`), {
    flags: "a",
  });
  const container = stack.docker.getContainer(id);
  const over = new AbortController();
  /** The stamp of the last message kept, and how many had that one. */
  let last = since;
  let atLast = 0;
  let problem: string | undefined;
  if (info.Config.Tty) problem = "it has a terminal, whose log is not kept";
  const following = follow();

  return {
    async settle() {
      over.abort();
      await following;
      try {
        if (problem === undefined)
          await take(Readable.from([await container.logs({ ...wanted(), follow: false })]));
      } catch (error) {
        // One that is gone was followed to its end.
        if (statusOf(error) !== 404) problem = reasonOf(error);
      }
      file.end();
      await finished(file);
      return problem === undefined ? [] : [`the log of ${own} is not whole: ${problem}`];
    },
  };

  async function follow(): Promise<void> {
    while (!over.signal.aborted && problem === undefined) {
      try {
        const stream = await container.logs({ ...wanted(), follow: true, abortSignal: over.signal });
        await take(stream as Readable); // of which the type is what any stream has at least
      } catch (error) {
        // Over, or the container is gone, or its log cannot be read: whichever, it is read once more in the end, which tells.
        if (!over.signal.aborted && reasonOf(error).includes("does not support reading"))
          problem = reasonOf(error);
      }
      await systemClock.sleep(askAgainAfterMs, over.signal).catch(() => undefined);
    }
  }

  function wanted() {
    return { stdout: true, stderr: true, timestamps: true, since: Math.floor(Date.parse(last) / 1_000) };
  }

  /** Keeps what was not kept before: the engine knows "since" by the second. */
  async function take(stream: Readable): Promise<void> {
    const from = last;
    let known = atLast;
    for await (const { stamp, content } of logMessages(stream)) {
      if (stamp < from || (stamp === from && known-- > 0)) continue;
      atLast = stamp === last ? atLast + 1 : 1;
      last = stamp;
      if (!file.write(content)) await once(file, "drain");
    }
  }
}
