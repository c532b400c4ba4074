import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { jsonIn } from "../../base/json.ts";
import type Docker from "dockerode";
import type { Stack } from "./stack.ts";

/** What happened to a container, or to its place on a network. */
export interface ContainerEvent {
  readonly container: string;
  readonly action: string;
  readonly atMs: number;
  /** Of `kill`, a signal's number or name; of `die`, an exit code. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Of containers and their networks; health checks alone would be many a second. */
const wanted = {
  type: ["container" as const, "network" as const],
  event: ["start", "die", "oom", "kill", "pause", "unpause", "destroy", "connect", "disconnect"],
};
const askAgainAfterMs = 500;

const eventSchema = z.object({
  Type: z.string(),
  Action: z.string(),
  timeNano: z.number(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).default({}) }),
});

/**
 * Tells of what happens to containers, of this stack or not, from now on until it is disposed of; where the engine ends the
 * stream it is asked again; what came in between is missed.
 * @param onEvent told of nothing (`undefined`) when something may have been missed
 */
export async function watchContainers(
  { docker }: Stack,
  onEvent: (event: ContainerEvent | undefined) => void,
): Promise<Disposable> {
  const over = new AbortController();
  void watch(await open());
  return {
    [Symbol.dispose]: () => over.abort(),
  };

  async function open(): Promise<Readable> {
    // Typed as what any stream has at least; it is the answer's body.
    const options: Docker.GetEventsOptions & { readonly abortSignal: AbortSignal } = {
      filters: wanted,
      abortSignal: over.signal,
    };
    const stream = (await docker.getEvents(options)) as Readable;
    stream.on("error", () => undefined); // the end of its lines tells
    return stream;
  }

  async function watch(first: Readable): Promise<void> {
    let stream: Readable | undefined = first;
    while (!over.signal.aborted) {
      if (stream !== undefined) await take(stream).catch(() => undefined);
      await systemClock.sleep(askAgainAfterMs, over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      stream = await open().catch(() => undefined);
      if (stream !== undefined) onEvent(undefined);
    }
  }

  async function take(stream: Readable): Promise<void> {
    for await (const line of createInterface({ input: stream })) {
      const event = eventSchema.safeParse(jsonIn(line)).data;
      if (event === undefined) continue; // of a kind that carries less
      const { Actor: actor, Type: type, Action: action, timeNano } = event;
      const container = type === "network" ? actor.Attributes["container"] : actor.ID;
      if (container !== undefined)
        onEvent({ container, action, atMs: timeNano / 1e6, attributes: actor.Attributes });
    }
  }
}
