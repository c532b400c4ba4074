import { setTimeout as sleep } from "node:timers/promises";
import { Agent } from "undici";
import { createBreaker, type Breaker } from "./breaker.ts";
import type { Patterns } from "./config.ts";

/**
 * A service, or a part of the outside world, that this one calls over HTTP. Which patterns protect a call is decided
 * here, not where it is made:
 *
 *   none: no bound at all   timeouts: a deadline   retries: idempotent calls again, within the deadline   full: a breaker
 */
export interface Callee {
  /**
   * @throws {CallFailed} when there was no answer: cut by its deadline, refused, reset, or not tried because the
   * breaker is open. Any status is an answer.
   */
  call(request: CallRequest): Promise<CallAnswer>;
  close(): Promise<void>;
}

export interface CallRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** May be sent twice without doing anything twice. @default true for GET, else false */
  readonly isIdempotent?: boolean;
  /** For all attempts together, in milliseconds; counts only when timeouts are on. @default 1000 */
  readonly deadlineMs?: number;
}

export interface CallAnswer {
  readonly status: number;
  /** The decoded JSON; undefined when it is empty or no JSON. */
  readonly body: unknown;
}

/** There was no answer. `mayHaveHappened` is false only where it is sure that the callee did nothing. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly callee: string;
  readonly reason: "timeout" | "refused" | "broken" | "breaker-open";
  readonly mayHaveHappened: boolean;

  constructor(callee: string, reason: CallFailed["reason"], cause?: unknown) {
    super(`${callee} did not answer: ${reason}`, { cause });
    this.callee = callee;
    this.reason = reason;
    this.mayHaveHappened = reason === "timeout" || reason === "broken";
  }
}

/** Told of each attempt, for metrics. */
export interface CallObserver {
  attempted(callee: string, outcome: number | CallFailed["reason"], durationMs: number): void;
}

const maxAttempts = 3;
const firstBackoffMs = 25;
const retriedStatuses = new Set([502, 503, 504]);
const connectTimeoutMs = 500;
const defaultDeadlineMs = 1_000;

/** A client for one callee, at `baseUrl`. */
export function createCallee(
  name: string,
  baseUrl: string,
  patterns: Patterns,
  observer?: CallObserver,
): Callee {
  const agent = new Agent({
    connections: 64,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: patterns === "none" ? 0 : connectTimeoutMs },
  });
  const wire: Wire = {
    name,
    origin: new URL(baseUrl).origin,
    agent,
    breaker: patterns === "full" ? createBreaker() : undefined,
    observer,
  };
  const hasDeadline = patterns !== "none";
  const hasRetries = patterns === "retries" || patterns === "full";
  return {
    call(request) {
      const endMs = hasDeadline
        ? performance.now() + (request.deadlineMs ?? defaultDeadlineMs)
        : Number.POSITIVE_INFINITY;
      const isIdempotent = request.isIdempotent ?? request.method === "GET";
      return hasRetries && isIdempotent
        ? attemptAgain(wire, request, endMs)
        : attemptOnce(wire, request, endMs);
    },
    close: () => agent.close(),
  };
}

interface Wire {
  readonly name: string;
  readonly origin: string;
  readonly agent: Agent;
  readonly breaker: Breaker | undefined;
  readonly observer: CallObserver | undefined;
}

/** Attempts with a jittered, doubling backoff while the answer may yet change and there is time for it. */
async function attemptAgain(wire: Wire, request: CallRequest, endMs: number): Promise<CallAnswer> {
  for (let attempt = 1; ; attempt += 1) {
    const backoffMs = firstBackoffMs * 2 ** attempt * (0.5 + Math.random() / 2);
    const mayRetry = (): boolean => attempt < maxAttempts && performance.now() + backoffMs < endMs;
    try {
      const answer = await attemptOnce(wire, request, endMs);
      if (!retriedStatuses.has(answer.status) || !mayRetry()) return answer;
    } catch (error) {
      if (!(error instanceof CallFailed) || error.reason === "breaker-open" || !mayRetry()) throw error;
    }
    await sleep(backoffMs);
  }
}

async function attemptOnce(wire: Wire, request: CallRequest, endMs: number): Promise<CallAnswer> {
  const { name, breaker, observer } = wire;
  if (breaker?.allow() === false) {
    observer?.attempted(name, "breaker-open", 0);
    throw new CallFailed(name, "breaker-open");
  }
  const startMs = performance.now();
  // One controller for each attempt: a signal that outlives its request gathers listeners.
  const cut = new AbortController();
  const timer = Number.isFinite(endMs)
    ? setTimeout(() => cut.abort(new DeadlinePassed()), Math.max(1, endMs - startMs))
    : undefined;
  try {
    const answer = await send(wire, request, cut.signal);
    if (answer.status >= 500) breaker?.failed();
    else breaker?.succeeded();
    observer?.attempted(name, answer.status, performance.now() - startMs);
    return answer;
  } catch (error) {
    breaker?.failed();
    const reason = reasonOf(error, cut.signal);
    observer?.attempted(name, reason, performance.now() - startMs);
    throw new CallFailed(name, reason, error);
  } finally {
    clearTimeout(timer);
  }
}

async function send({ agent, origin }: Wire, request: CallRequest, signal: AbortSignal): Promise<CallAnswer> {
  const { method, path, headers, body } = request;
  const response = await agent.request({
    origin,
    method,
    path,
    headers: body === undefined ? { ...headers } : { ...headers, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
  });
  return { status: response.statusCode, body: parseJson(await response.body.text()) };
}

/** Not an AbortError: to a trace a call that was cut is a failure, not a change of mind. */
class DeadlinePassed extends Error {
  override readonly name = "DeadlinePassed";

  constructor() {
    super("no answer by the deadline");
  }
}

const neverConnected = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function reasonOf(error: unknown, cut: AbortSignal): CallFailed["reason"] {
  if (cut.aborted) return "timeout";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return neverConnected.has(code) ? "refused" : "broken";
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // as told by CallAnswer: a body that is no JSON is not of this protocol
  }
}
