import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { JourneyLine, OperationLine } from "../record/history.ts";
import { readAnswer, requestContent, tell, type Method } from "./step.ts";
import { rowsFor } from "./data-rows.ts";
import { isWorse, type Ending } from "./ending.ts";
import type { Answer, Journey, JourneyContext, RequestOptions } from "./journey.ts";
import type { Client } from "./http/client.ts";
import type { Keep } from "./keep.ts";
import type { Line } from "./line.ts";
import type { TraceIds } from "./trace-ids.ts";
import type { VirtualUser } from "./virtual-users.ts";

export interface TakenJourneyOptions {
  readonly name: string;
  readonly journey: Journey;
  /** Which arrival this is, from 0. */
  readonly arrival: number;
  /** Epoch milliseconds. */
  readonly intendedMs: number;
  readonly random: Random;
  /** A text of this journey's own, in any run. */
  readonly key: string;
  readonly traceIds: TraceIds;
  readonly user: VirtualUser;
  readonly shared: Keep;
  readonly client: Client;
  /** What ends this journey, whatever it waits for, is among these while it goes on. */
  readonly cuts: Line<() => void>;
  readonly onOperation: (line: OperationLine) => void;
}

/** Ends a journey whose step did not go as expected; not an error of the journey's own code. */
export class JourneyEnded extends Error {
  override readonly name = "JourneyEnded";
}

/** Takes one journey to its end and returns its line of the history. Never rejects. */
export async function takeJourney(options: TakenJourneyOptions): Promise<JourneyLine> {
  const { name, arrival, intendedMs, random, user, client, cuts } = options;
  let nextIntendedMs = intendedMs;
  let sentMs: number | undefined;
  let operations = 0;
  let ending: Ending = { completion: "ok" };
  let shown: { readonly traceId: string; readonly durationMs: number } | undefined;
  let isOver = false;
  let isCut = false;
  let thinking: NodeJS.Timeout | undefined;
  const underWay = new Set<Promise<unknown>>();

  const context: JourneyContext = {
    http: {
      get: (step, path, asked) => begin(step, "GET", path, asked),
      post: (step, path, asked) => begin(step, "POST", path, asked),
      put: (step, path, asked) => begin(step, "PUT", path, asked),
      patch: (step, path, asked) => begin(step, "PATCH", path, asked),
      delete: (step, path, asked) => begin(step, "DELETE", path, asked),
    },
    random,
    key: options.key,
    user: user.number,
    session: user.session,
    shared: options.shared,
    data: (file) => rowsFor(file, { random, arrival, user: user.number }),
    async think(durationMs) {
      nextIntendedMs += durationMs;
      await new Promise((resolve) => {
        thinking = setTimeout(resolve, nextIntendedMs - systemClock.nowMs());
      });
      // A timer ends up to a millisecond early: the next step is not sent before it is intended.
      nextIntendedMs = Math.min(nextIntendedMs, systemClock.nowMs());
    },
    check(check, holds) {
      if (!holds) endWith({ completion: "fail", error: { kind: "check", message: check } });
    },
  };
  const wasCut = Promise.withResolvers<never>();
  const cut = (): void => {
    isCut = true;
    // After the answers that are being given up now are recorded.
    setImmediate(() => wasCut.reject(new JourneyEnded("cut")));
  };
  // A line: as listeners of one signal, ten thousand users would each be looked for among all the others.
  const place = cuts.join(cut);
  try {
    await Promise.race([options.journey(context), wasCut.promise]);
  } catch (error) {
    if (isCut && ending.completion === "ok")
      ending = {
        completion: "fail",
        error: { kind: "not-sent", message: "the load was over before its last step" },
      };
    else if (!(error instanceof JourneyEnded)) noteError(error);
  }
  // What it did not await is waited for too: its line tells of all its operations. Each settles within the time-out.
  while (underWay.size > 0) await Promise.allSettled(underWay);
  isOver = true;
  cuts.leave(place);
  clearTimeout(thinking);
  return {
    kind: "journey",
    arrival,
    journey: name,
    intendedMs,
    ...(sentMs === undefined ? {} : { sentMs }),
    endedMs: systemClock.nowMs(),
    ...ending,
    ...(shown === undefined ? {} : { traceId: shown.traceId }),
    operations,
  };

  function note(next: Ending): void {
    if (isWorse(next, ending)) ending = next;
  }

  function noteError(error: unknown): void {
    note({ completion: "fail", error: { kind: "journey-error", message: messageOf(error) } });
  }

  function endWith(next: Ending): never {
    note(next);
    throw new JourneyEnded(next.error?.message);
  }

  function begin<T>(
    step: string,
    method: Method,
    path: string,
    asked: RequestOptions<T> = {},
  ): Promise<Answer<T>> {
    // A journey that was cut off has its line already: what it still wants never comes.
    if (isOver || isCut) return new Promise(() => undefined);
    const operation = operate(step, method, path, asked);
    underWay.add(operation);
    const settle = (): boolean => underWay.delete(operation);
    // Heard here too: a journey that does not await it must neither end the process nor pass as well.
    operation.then(settle, (error: unknown) => {
      settle();
      if (!(error instanceof JourneyEnded)) noteError(error);
    });
    return operation;
  }

  async function operate<T>(
    step: string,
    method: Method,
    path: string,
    asked: RequestOptions<T>,
  ): Promise<Answer<T>> {
    const stepIntendedMs = nextIntendedMs;
    const { traceId, parentId } = options.traceIds.next();
    const { body, headers } = requestContent(asked);
    const cookies = headers["cookie"] === undefined ? user.cookies.headerFor(path) : undefined;
    const exchange = await client.exchange({
      method,
      path,
      headers: {
        ...headers,
        ...(cookies === undefined ? {} : { cookie: cookies }),
        traceparent: `00-${traceId}-${parentId}-01`,
        baggage: `squall.journey=${encodeURIComponent(name)}`,
      },
      ...(body === undefined ? {} : { body }),
    });
    if (exchange.kind === "answered") user.cookies.take(exchange.headers["set-cookie"], path);
    const { ending: stepEnding, answer } = readAnswer(exchange, asked);
    const { told, problem } = tell(answer, asked);
    const times = {
      intendedMs: stepIntendedMs,
      ...("sentMs" in exchange ? { sentMs: exchange.sentMs } : {}),
      endedMs: exchange.endedMs,
    };
    options.onOperation({
      kind: "operation",
      arrival,
      journey: name,
      step,
      method,
      route: asked.route ?? path.replace(/\?.*$/s, ""),
      ...times,
      ...stepEnding,
      ...("status" in exchange ? { status: exchange.status } : {}),
      traceId,
      ...(told === undefined ? {} : { told }),
    });
    operations += 1;
    sentMs ??= times.sentMs;
    nextIntendedMs = Math.max(nextIntendedMs, times.endedMs);
    // The trace that explains the journey: of its worst step, or of its slowest.
    const durationMs = times.endedMs - times.intendedMs;
    const isSlower = stepEnding.completion === ending.completion && durationMs > (shown?.durationMs ?? 0);
    if (shown === undefined || isWorse(stepEnding, ending) || isSlower) shown = { traceId, durationMs };
    if (problem !== undefined) throw problem;
    if (answer === undefined || stepEnding.completion !== "ok") endWith(stepEnding);
    return answer;
  }
}
