import { z } from "zod";
import { systemClock } from "../base/clock.ts";
import { SquallError, messageOf } from "../base/errors.ts";
import { readEventStream } from "./event-stream.ts";

const subject = { at_ms: z.number(), proxy: z.string(), toxic: z.string(), type: z.string() };
const eventSchema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("fault-began"), ...subject }),
  z.object({ event: z.literal("fault-ended"), ...subject, by: z.string() }),
  z.object({
    event: z.literal("call-affected"),
    ...subject,
    request: z.number().int(),
    call: z.string(),
    trace_id: z.string().nullable(),
    effect: z.string(),
  }),
]);

/** Something that happened to a fault, as the proxy tells it. */
export type ProxyEvent = Readonly<z.output<typeof eventSchema>>;

export interface FollowOptions {
  /** Base URL of the proxy's API. */
  readonly url: string;
  /** Told of each event in the proxy's order; `id` counts from 1, and a gap is what nobody was there to hear. */
  readonly onEvent: (event: ProxyEvent, id: number) => void;
}

/** The proxy's events as they come, until it is disposed of; a broken connection is taken up where it ended. */
export interface ProxyEvents extends Disposable {
  /** Resolves when the proxy has begun to answer, or rejects with {SQUALL_PROXY} when it has not in time. */
  readonly opened: Promise<void>;
  /** Why there is no connection at present, if there is none. */
  readonly problem: string | undefined;
}

const opensWithinMs = 2_000;
const retryMs = { first: 100, most: 1_000 } as const;

export function followEvents({ url, onEvent }: FollowOptions): ProxyEvents {
  const what = `GET /events at the proxy on ${url}`;
  const ending = new AbortController();
  const opening = Promise.withResolvers<void>();
  opening.promise.catch(() => undefined); // whoever waits for it is told; nobody has to
  let lastId = 0;
  let problem: string | undefined = `${what} got no answer yet`;
  void follow();
  return {
    opened: opening.promise,
    get problem() {
      return problem;
    },
    [Symbol.dispose]: () => ending.abort(),
  };

  async function follow(): Promise<void> {
    for (
      let waitMs: number = retryMs.first;
      !ending.signal.aborted;
      waitMs = Math.min(2 * waitMs, retryMs.most)
    ) {
      const idBefore = lastId;
      try {
        await listen();
        problem = `${what} ended`;
      } catch (error) {
        problem = messageOf(error);
        opening.reject(new SquallError("SQUALL_PROXY", problem, { cause: error }));
      }
      if (lastId > idBefore) waitMs = retryMs.first;
      await systemClock.sleep(waitMs, ending.signal).catch(() => undefined);
    }
  }

  /** One connection, from its beginning to its end. */
  async function listen(): Promise<void> {
    const opensInTime = new AbortController();
    const deadline = setTimeout(
      () => opensInTime.abort(new Error(`${what} got no answer within ${opensWithinMs} ms`)),
      opensWithinMs,
    );
    let response: Response;
    try {
      response = await fetch(`${url}/events`, {
        headers: { accept: "text/event-stream", "last-event-id": String(lastId) },
        signal: AbortSignal.any([ending.signal, opensInTime.signal]),
      });
    } finally {
      clearTimeout(deadline);
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`${what} answered ${response.status}`);
    }
    problem = undefined;
    opening.resolve();
    for await (const { id, event, data } of readEventStream(response.body)) {
      if (ending.signal.aborted) return; // what came with the last chunk is for nobody
      const number = Number(id);
      if (!Number.isSafeInteger(number) || number <= lastId) continue; // heard before
      lastId = number;
      const parsed = eventSchema.safeParse({ ...parseJson(data), event });
      if (parsed.success) onEvent(parsed.data, number);
    }
  }
}

function parseJson(text: string): object {
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? value : {};
}
