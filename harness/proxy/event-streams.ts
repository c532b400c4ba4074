import type { ServerResponse } from "node:http";
import { z } from "zod";
import { fields } from "../base/fields.ts";
import type { FaultEvents, RecordedEvent } from "./fault-events.ts";
import { parseQuery } from "./request-body.ts";

/**
 * What happens to faults, as server-sent events: those that are kept first, then live.
 *
 *   id: 7
 *   event: call-affected
 *   data: {"id":7,"at_ms":1767225600000.25,"event":"call-affected","proxy":"edge","toxic":"lost",…}
 */
export interface EventStreamOptions {
  /** Only events behind this one. */
  readonly after: number;
  /** Goes on with what happens from now on. */
  readonly isLive: boolean;
  /** Without the time of each, so that the same faults in the same order are the same bytes. */
  readonly isTimed: boolean;
  readonly proxy: string | undefined;
  readonly toxic: string | undefined;
}

const idError = 'expected the id of an event, a whole number such as "17"';
const id = z
  .string()
  .regex(/^\d{1,15}$/, { error: idError })
  .transform(Number);
const yesOrNo = z.enum(["yes", "no"], { error: 'expected "yes" or "no"' }).default("yes");
const querySchema = fields({
  after: id.optional(),
  follow: yesOrNo,
  times: yesOrNo,
  proxy: z.string().optional(),
  toxic: z.string().optional(),
});

/**
 * @param lastEventId the header of that name: where a client that reconnects was, whatever its address says
 * @throws {ApiError} 400
 */
export function parseEventStreamOptions(
  query: URLSearchParams,
  lastEventId: string | undefined,
): EventStreamOptions {
  const given = new URLSearchParams(query);
  if (lastEventId !== undefined && lastEventId !== "") given.set("after", lastEventId);
  const { after, follow, times, proxy, toxic } = parseQuery(querySchema, given);
  return { after: after ?? 0, isLive: follow === "yes", isTimed: times === "yes", proxy, toxic };
}

/** So often a stream on which nothing happens says that it lives, in milliseconds. */
const idleEveryMs = 15_000;

/** A listener for whom more than this waits is cut; it can come back and resume. */
const longestBacklogBytes = 1_024 * 1_024;

/** The streams of a server that are open. */
export class EventStreams {
  readonly #events: FaultEvents;
  readonly #open = new Set<ServerResponse>();

  constructor(events: FaultEvents) {
    this.#events = events;
  }

  /** Streams events as a response's body. */
  open(response: ServerResponse, { after, isLive, isTimed, proxy, toxic }: EventStreamOptions): void {
    const isWanted = ({ event }: RecordedEvent): boolean =>
      (proxy === undefined || event.proxy === proxy) && (toxic === undefined || event.toxic === toxic);
    const text = (event: RecordedEvent): string => eventText(event, isTimed);
    const { kept } = this.#events;
    // An id that was not given yet is one of an earlier server.
    const from = after > (kept.at(-1)?.id ?? 0) ? 0 : after;
    const firstId = kept[0]?.id ?? 1;
    const missing = firstId > from + 1 ? `: events ${from + 1} to ${firstId - 1} are no longer kept\n\n` : "";
    const earlier = kept.filter((event) => event.id > from && isWanted(event)).map(text);
    response.setHeader("cache-control", "no-store");
    response.flushHeaders();
    const begun = missing + earlier.join("");
    if (!isLive) return void response.end(begun);
    if (begun !== "") response.write(begun);

    this.#open.add(response);
    const idle = setInterval(() => send(": nothing new\n\n"), idleEveryMs);
    const stopListening = this.#events.listen((event) => {
      if (isWanted(event)) send(text(event));
    });
    response.once("close", () => {
      clearInterval(idle);
      stopListening();
      this.#open.delete(response);
    });
    function send(chunk: string): void {
      if (response.writableLength > longestBacklogBytes) response.destroy();
      else response.write(chunk);
    }
  }

  /** Ends every stream. */
  close(): void {
    for (const response of this.#open) response.end();
  }
}

function eventText({ id, atMs, event }: RecordedEvent, isTimed: boolean): string {
  const data = JSON.stringify({ id, ...(isTimed ? { at_ms: atMs } : {}), ...event });
  return `id: ${id}\nevent: ${event.event}\ndata: ${data}\n\n`;
}
