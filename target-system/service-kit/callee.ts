import { setTimeout as sleep } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";
import { createBreaker, type Breaker } from "./breaker.ts";
import type { Patterns } from "./config.ts";

/** A service, or a part of the outside world, that this one calls over HTTP. */
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

  constructor(callee: string, reason: CallFailed["reason"], cause: unknown) {
    super(`${callee} did not answer: ${reason}`, { cause });
    this.callee = callee;
    this.reason = reason;
    this.mayHaveHappened = reason === "timeout" || reason === "broken";
  }
}

const maxAttempts = 3;
const firstBackoffMs = 25;
const retriedStatuses = new Set([502, 503, 504]);

/** A client for one callee. Which patterns protect it is decided here, not where it is used. */
export function createCallee(name: string, baseUrl: string, patterns: Patterns): Callee {
  const hasTimeouts = patterns !== "none";
  const hasRetries = patterns === "retries" || patterns === "full";
  const agent = new Agent({
    connections: 64,
    keepAliveTimeout: 30_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: hasTimeouts ? 500 : 0, noDelay: true },
  });
  const breaker = patterns === "full" ? createBreaker() : undefined;
  return {
    call: (request) => attemptAll({ name, baseUrl, agent, breaker, hasTimeouts, hasRetries }, request),
    close: () => agent.close(),
  };
}

interface Protected {
  readonly name: string;
  readonly baseUrl: string;
  readonly agent: Dispatcher;
  readonly breaker: Breaker | undefined;
  readonly hasTimeouts: boolean;
  readonly hasRetries: boolean;
}

async function attemptAll(callee: Protected, request: CallRequest): Promise<CallAnswer> {
  const { isIdempotent = request.method === "GET", deadlineMs = 1_000 } = request;
  const endMs = performance.now() + deadlineMs;
  const attempts = callee.hasRetries && isIdempotent ? maxAttempts : 1;
  for (let attempt = 1; ; attempt += 1) {
    const backoffMs = firstBackoffMs * 2 ** attempt * (0.5 + Math.random() / 2);
    const mayRetry = attempt < attempts && performance.now() + backoffMs < endMs;
    try {
      const answer = await attemptOnce(callee, request, endMs);
      if (!mayRetry || !retriedStatuses.has(answer.status)) return answer;
    } catch (error) {
      if (!mayRetry || !(error instanceof CallFailed) || error.reason === "breaker-open") throw error;
    }
    await sleep(backoffMs);
  }
}

async function attemptOnce(callee: Protected, request: CallRequest, endMs: number): Promise<CallAnswer> {
  const { name, breaker } = callee;
  if (breaker && !breaker.allow()) throw new CallFailed(name, "breaker-open", undefined);
  const cut = new AbortController();
  const timer = callee.hasTimeouts
    ? setTimeout(() => cut.abort(new Error("deadline")), Math.max(1, endMs - performance.now()))
    : undefined;
  try {
    const response = await callee.agent.request({
      origin: callee.baseUrl,
      method: request.method,
      path: request.path,
      headers: {
        ...request.headers,
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      signal: cut.signal,
    });
    const answer = { status: response.statusCode, body: parseJson(await response.body.text()) };
    if (answer.status >= 500) breaker?.failed();
    else breaker?.succeeded();
    return answer;
  } catch (error) {
    breaker?.failed();
    throw new CallFailed(name, reasonOf(error, cut.signal), error);
  } finally {
    clearTimeout(timer);
  }
}

const notConnected = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function reasonOf(error: unknown, cut: AbortSignal): CallFailed["reason"] {
  if (cut.aborted) return "timeout";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return notConnected.has(code) ? "refused" : "broken";
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
