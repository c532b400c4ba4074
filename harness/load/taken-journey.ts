import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { JourneyLine, OperationLine } from "../record/history.ts";
import type { Client, Exchange } from "./http/client.ts";
import { endingOfStatus, endingWithoutAnswer, isWorse, type Ending } from "./ending.ts";
import type { Answer, Journey, JourneyContext, JourneyRequest, Told } from "./journey.ts";
import type { TraceIds } from "./trace-ids.ts";

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
  readonly shared: JourneyContext["shared"];
  readonly client: Client;
  /** What ends this journey, whatever it waits for, is among these while it goes on. */
  readonly cuts: Set<() => void>;
  readonly onOperation: (line: OperationLine) => void;
}

/** Ends a journey whose step did not go as expected; not an error of the journey's own code. */
class JourneyEnded extends Error {
  override readonly name = "JourneyEnded";
}

/** Takes one journey to its end and returns its line of the history. Never rejects. */
export async function takeJourney(options: TakenJourneyOptions): Promise<JourneyLine> {
  const { name, arrival, intendedMs, client, cuts } = options;
  let nextIntendedMs = intendedMs;
  let sentMs: number | undefined;
  let operations = 0;
  let ending: Ending = { completion: "ok" };
  let shown: { readonly traceId: string; readonly durationMs: number } | undefined;
  let isOver = false;
  let isCut = false;
  let thinking: NodeJS.Timeout | undefined;

  const context: JourneyContext = {
    random: options.random,
    key: options.key,
    shared: options.shared,
    request: operate,
    async think(durationMs) {
      nextIntendedMs += durationMs;
      await new Promise((resolve) => {
        thinking = setTimeout(resolve, nextIntendedMs - systemClock.nowMs());
      });
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
  // A set: as listeners of one signal, ten thousand users would each be looked for among all the others.
  cuts.add(cut);
  try {
    await Promise.race([options.journey(context), wasCut.promise]);
  } catch (error) {
    if (isCut && ending.completion === "ok")
      ending = {
        completion: "fail",
        error: { kind: "not-sent", message: "the load was over before its last step" },
      };
    else if (!(error instanceof JourneyEnded))
      note({ completion: "fail", error: { kind: "journey-error", message: messageOf(error) } });
  }
  isOver = true;
  cuts.delete(cut);
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

  function endWith(next: Ending): never {
    note(next);
    throw new JourneyEnded(next.error?.message);
  }

  async function operate<T>(step: string, request: JourneyRequest<T>): Promise<Answer<T>> {
    // A journey that was cut off has its line already: what it still wants never comes.
    if (isOver) return new Promise(() => undefined);
    const stepIntendedMs = nextIntendedMs;
    const { traceId, parentId } = options.traceIds.next();
    const exchange = await client.exchange({
      method: request.method,
      path: request.path,
      headers: {
        ...request.headers,
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        traceparent: `00-${traceId}-${parentId}-01`,
        baggage: `squall.journey=${name}`,
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const { ending: stepEnding, answer } = read(exchange, request);
    const { told, problem } = tell(answer, request);
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
      method: request.method,
      route: request.route ?? request.path.replace(/\?.*$/s, ""),
      ...times,
      ...stepEnding,
      ...("status" in exchange ? { status: exchange.status } : {}),
      traceId,
      ...(told === undefined ? {} : { told }),
    });
    operations += 1;
    sentMs ??= times.sentMs;
    nextIntendedMs = times.endedMs;
    // The trace that explains the journey: of its worst step, or of its slowest.
    const durationMs = times.endedMs - times.intendedMs;
    const isSlower = stepEnding.completion === ending.completion && durationMs > (shown?.durationMs ?? 0);
    if (shown === undefined || isWorse(stepEnding, ending) || isSlower) shown = { traceId, durationMs };
    if (problem !== undefined) throw problem;
    if (answer === undefined || stepEnding.completion !== "ok") endWith(stepEnding);
    return answer;
  }
}

/** What an exchange means for its step: how it ended, and the answer, if there is one of the form asked for. */
function read<T>(
  exchange: Exchange,
  { expect, answer }: JourneyRequest<T>,
): { readonly ending: Ending; readonly answer?: Answer<T> } {
  if (exchange.kind !== "answered") return { ending: endingWithoutAnswer(exchange) };
  const { status, headers } = exchange;
  const json = parseJson(exchange.text);
  const ending = endingOfStatus(status, expect, json);
  // Without a form asked for, T is unknown.
  if (answer === undefined) return { ending, answer: { status, headers, body: json as T } };
  const parsed = answer.safeParse(json);
  if (parsed.success) return { ending, answer: { status, headers, body: parsed.data } };
  if (ending.completion !== "ok") return { ending };
  return { ending: { completion: "unknown", error: { kind: "check", message: formOf(parsed.error) } } };
}

/** What the client was told; an error of the journey's own code must not cost the line of an operation that was made. */
function tell<T>(
  answer: Answer<T> | undefined,
  { told }: JourneyRequest<T>,
): { readonly told?: Told | undefined; readonly problem?: Error } {
  try {
    return { told: answer && told?.(answer) };
  } catch (error) {
    return { problem: error instanceof Error ? error : new Error(messageOf(error)) };
  }
}

function formOf({
  issues,
}: {
  readonly issues: readonly { path: PropertyKey[]; message: string }[];
}): string {
  const listed = issues.map(({ path, message }) => `${path.map(String).join(".") || "answer"}: ${message}`);
  return `an answer of another form: ${listed.join("; ")}`;
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // an answer that is no JSON has none; whoever needs it says so by a schema
  }
}
