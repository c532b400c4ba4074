import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import { systemClock } from "../../base/clock.ts";
import { jsonIn } from "../../base/json.ts";
import type Docker from "dockerode";
import { ask } from "./docker-engine.ts";
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
 * Tells of what happens to containers, of this stack or not, from now on until it is disposed of. Where the engine ends the
 * stream it is asked again, for what came in between too: it keeps the last 256 events, for as long as it runs.
 * @param onEvent told of nothing (`undefined`) when something may have been missed all the same
 * @throws {SQUALL_DOCKER}
 */
export async function watchContainers(
  { docker }: Stack,
  onEvent: (event: ContainerEvent | undefined) => void,
): Promise<Disposable> {
  const over = new AbortController();
  let sinceMs = await engineTimeMs(docker);
  /** What was told of that very millisecond. */
  let told = new Set<string>();
  void watch(await open());
  return {
    [Symbol.dispose]: () => over.abort(),
  };

  function open(): Promise<Readable> {
    return openEvents(docker, { since: sinceMs / 1_000, filters: wanted, abortSignal: over.signal });
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
    for await (const { line, atMs, event } of readEvents(stream)) {
      if (told.has(line)) continue;
      if (atMs !== sinceMs) [sinceMs, told] = [atMs, new Set()];
      told.add(line);
      if (event !== undefined) onEvent(event);
    }
  }
}

/**
 * What has happened to one container since then, as far as the engine knows.
 * @param since a time that the engine told, such as that of the container's start: "2026-11-22T06:00:01.651528839Z"
 * @throws {SQUALL_DOCKER}
 */
export async function pastEvents(
  { docker }: Stack,
  container: string,
  since: string,
): Promise<readonly ContainerEvent[]> {
  const stream = await openEvents(docker, {
    since: Math.floor(Date.parse(since)) / 1_000,
    until: (await engineTimeMs(docker)) / 1_000,
    filters: { type: ["container"], container: [container] },
  });
  const found: ContainerEvent[] = [];
  for await (const { event } of readEvents(stream)) if (event !== undefined) found.push(event);
  return found;
}

interface EventsOptions extends Docker.GetEventsOptions {
  readonly abortSignal?: AbortSignal;
}

async function openEvents(docker: Docker, options: EventsOptions): Promise<Readable> {
  // Typed as what any stream has at least; it is the answer's body.
  const stream = (await ask("tell its events", docker.getEvents(options))) as Readable;
  stream.on("error", () => undefined); // the end of its lines tells
  return stream;
}

interface ToldEvent {
  /** As it was told. */
  readonly line: string;
  /** A whole number. */
  readonly atMs: number;
  /** Nothing for what concerns no container. */
  readonly event: ContainerEvent | undefined;
}

async function* readEvents(stream: Readable): AsyncGenerator<ToldEvent> {
  for await (const line of createInterface({ input: stream })) {
    const told = eventSchema.safeParse(jsonIn(line)).data;
    if (told === undefined) continue; // of a kind that carries less
    const { Actor: actor, Type: type, Action: action } = told;
    const container = type === "network" ? actor.Attributes["container"] : actor.ID;
    const atMs = Math.floor(told.timeNano / 1e6);
    const event = container && { container, action, atMs, attributes: actor.Attributes };
    yield { line, atMs, event: event || undefined };
  }
}

const infoSchema = z.object({ SystemTime: z.string() });

/** By the engine's own clock, by which it has to be asked: it may be on another machine. */
async function engineTimeMs(docker: Docker): Promise<number> {
  return Date.parse(infoSchema.parse(await ask("tell the time", docker.info())).SystemTime);
}
