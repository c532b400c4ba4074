import { randomBytes } from "node:crypto";
import type { Dispatcher } from "undici";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { HistoryLine, JourneyLine } from "../record/history.ts";
import type { Arrival } from "./arrivals.ts";
import { endingOfError, endingOfStatus, worse, type Ending } from "./completion.ts";
import type { Answer, Journey, JourneyContext, JourneyRequest } from "./journey.ts";

export interface SessionOptions {
  readonly arrival: Arrival;
  readonly journey: Journey;
  /** Epoch milliseconds. */
  readonly intendedMs: number;
  readonly random: Random;
  readonly data: Map<string, unknown>;
  readonly dispatcher: Dispatcher;
  readonly origin: string;
  readonly timeoutMs: number;
  readonly baggage: string;
  /** Tells this run's keys from another's on the same fleet. */
  readonly run: string;
  readonly record: (line: HistoryLine) => void;
}

/** Ends a journey whose step did not go as expected; not an error of the journey's own code. */
class JourneyEnded extends Error {
  override readonly name = "JourneyEnded";
}

/** Takes one journey to its end and returns its line of the history. Never rejects. */
export async function takeJourney(options: SessionOptions): Promise<JourneyLine> {
  const { arrival, intendedMs, record } = options;
  let nextIntendedMs = intendedMs;
  let sentMs: number | undefined;
  let operations = 0;
  let ending: Ending = { completion: "ok" };
  let traceId: string | undefined;

  const context: JourneyContext = {
    random: options.random,
    data: options.data,
    key: `${options.run}-${arrival.index}`,
    async think(durationMs) {
      await systemClock.sleep(durationMs);
      nextIntendedMs = systemClock.nowMs();
    },
    check(name, holds) {
      if (holds) return;
      end({ completion: "fail", error: { kind: "check", message: name } });
      throw new JourneyEnded(name);
    },
    request: operate,
  };
  try {
    await options.journey(context);
  } catch (error) {
    if (!(error instanceof JourneyEnded))
      end({ completion: "fail", error: { kind: "journey-error", message: messageOf(error) } });
  }
  return {
    kind: "journey",
    arrival: arrival.index,
    journey: arrival.journey,
    intendedMs,
    ...(sentMs === undefined ? {} : { sentMs }),
    endedMs: systemClock.nowMs(),
    ...ending,
    ...(traceId === undefined ? {} : { traceId }),
    operations,
  };

  function end(next: Ending): void {
    ending = worse(ending, next);
  }

  async function operate(step: string, request: JourneyRequest): Promise<Answer> {
    const operation = {
      intendedMs: nextIntendedMs,
      sentMs: systemClock.nowMs(),
      traceId: randomBytes(16).toString("hex"),
    };
    sentMs ??= operation.sentMs;
    // The trace that explains the journey: of the step that failed, else of the last.
    traceId = operation.traceId;
    operations += 1;
    const { ending: ended, answer, told } = await send(request, operation.traceId);
    const endedMs = systemClock.nowMs();
    record({
      kind: "operation",
      arrival: arrival.index,
      journey: arrival.journey,
      step,
      method: request.method,
      route: request.route ?? (request.path.split("?")[0] as string),
      ...operation,
      endedMs,
      ...ended,
      ...(answer ? { status: answer.status } : {}),
      ...(told ? { told } : {}),
    });
    nextIntendedMs = endedMs;
    end(ended);
    if (answer === undefined || ended.completion !== "ok") throw new JourneyEnded(step);
    return answer;
  }

  async function send(request: JourneyRequest, id: string) {
    const signal = AbortSignal.timeout(options.timeoutMs);
    try {
      const response = await options.dispatcher.request({
        origin: options.origin,
        method: request.method,
        path: request.path,
        headers: {
          ...request.headers,
          traceparent: `00-${id}-${randomBytes(8).toString("hex")}-01`,
          baggage: options.baggage,
          ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
      });
      const answer: Answer = { status: response.statusCode, body: parseJson(await response.body.text()) };
      const ending = endingOfStatus(answer.status, request.expect, answer.body);
      const told = ending.completion === "ok" ? request.told?.(answer) : undefined;
      return { ending, answer, told };
    } catch (error) {
      return { ending: endingOfError(error), answer: undefined, told: undefined };
    }
  }
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
