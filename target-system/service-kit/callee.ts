import { filledPath, routeOf, type CallPath } from "./call-path.ts";
import { Pool } from "./http-agent.ts";
import { challenge } from "./identity/service-token.ts";
import { createBreaker, noBreaker } from "./patterns/breaker.ts";
import { createBulkhead, noBulkhead, type BulkheadLoad } from "./patterns/bulkhead.ts";
import { deadlineHeaders, deadlineMs as deadlineOfRequest } from "./patterns/deadline.ts";
import { AnsweredElsewhere, HedgeDelay, hedged, type HedgePlace } from "./patterns/hedge.ts";
import { troubleOf, type Failure, type FailureReason, type Outcome } from "./patterns/outcome.ts";
import { untold, type Tell } from "./patterns/pattern-event.ts";
import type { Patterns } from "./patterns/patterns.ts";
import { createRetryBudget, unlimitedBudget } from "./patterns/retry-budget.ts";
import { retrying, type Resend } from "./patterns/retry.ts";
import { cutAt } from "./patterns/timeout.ts";
import { beginCall, type CallSpan } from "./tracing/call-span.ts";

/**
 * A service, or a part of the outside world, that this one calls over HTTP. Which patterns protect a call is decided here,
 * not where it is made, and so is the order in which they do:
 *
 *   call ─▶ deadline ─▶ retries ─▶ hedging ─▶ breaker ─▶ bulkhead ─▶ timeout ─▶ wire
 *                          └── budget ──┘
 *
 * - The deadline is outermost: it is the caller's patience, and all that follows has to fit in.
 * - Retries stand around hedging: a slow attempt is hedged, and tried again only when both have failed. One budget pays
 *   for both, since to the callee both are load on top.
 * - The breaker stands inside, so that it sees each attempt and not only how a call ended; and so that one which opens
 *   in the middle ends the attempts.
 * - The bulkhead stands inside the breaker: what is refused for lack of room here says nothing of the callee, and while
 *   the breaker is open nobody waits for room.
 * - The timeout is innermost, around waiting for room and the wire: it cuts the request itself.
 */
export interface Callee {
  /**
   * @throws {CallFailed} when there was no answer: cut by its deadline, refused, reset, or not sent because a pattern
   * forbade it. Any status is an answer.
   */
  call(request: CallRequest): Promise<CallAnswer>;
  /** Calls under way and waiting for their turn, where calls are bounded. */
  readonly load: BulkheadLoad | undefined;
  /** Closes the connections that are idle; calls go on. */
  release(): void;
  close(): Promise<void>;
}

export interface CallRequest extends CallPath {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** May be sent twice without doing anything twice. @default true for GET, else false */
  readonly isIdempotent?: boolean;
  /**
   * In milliseconds, where timeouts are on. Where deadlines are on, for all attempts together, and a call also ends with
   * the request that it is made for; where they are not, for each attempt, as naive clients have it. @default 1000
   */
  readonly deadlineMs?: number;
  /** For each attempt; counts only when timeouts are on. @default whatever is left of the deadline */
  readonly attemptTimeoutMs?: number;
  /** The user for whom this is asked: goes signed to the callee, if that is a service. @default nobody */
  readonly onBehalfOf?: string;
}

export interface CallAnswer {
  readonly status: number;
  /** The decoded JSON; undefined when it is empty or no JSON. */
  readonly body: unknown;
  /** When the callee wants to be asked again, where it says so. */
  readonly retryAfterSeconds?: number;
}

/** Proves to a callee who calls. @returns the bearer token */
export type ProveCaller = (userId?: string) => Promise<string>;

/** There was no answer. `mayHaveHappened` is false only where it is sure that the callee did nothing. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly callee: string;
  readonly reason: FailureReason;
  readonly mayHaveHappened: boolean;

  constructor(callee: string, { reason, mayHaveHappened, cause }: Failure) {
    super(`${callee} did not answer: ${reason}`, { cause });
    this.callee = callee;
    this.reason = reason;
    this.mayHaveHappened = mayHaveHappened;
  }
}

interface Attempt {
  readonly path: string;
  readonly body: string | null;
  /** When the call must be over, on the clock of performance.now(). */
  readonly endMs: number;
  readonly cut: AbortController;
  readonly resend: Resend | undefined;
  readonly place: HedgePlace;
}

interface Sending {
  readonly path: string;
  readonly body: string | null;
  readonly endMs: number;
  readonly signal: AbortSignal;
  /** For its span. */
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

const mostCalls = 64;
const connectTimeoutMs = 500;
const defaultDeadlineMs = 1_000;
/** A budget pays for what is left to chance; where none counts, a call is tried as clients do that know of no other. */
const attempts = { withBudget: 3, naive: 10 } as const;
/**
 * How long a connection is used, and how long it is kept unused. Which replica of the callee it leads to is decided when it is
 * made: a new one gets its share once others have been made, and one that goes has no more calls after this time. It is always
 * this end that closes an idle connection, so that no call meets one that is just being closed.
 */
const connectionAgeMs = 1_000;

/**
 * A client for one callee, at `baseUrl`.
 * @param prove for a callee that is a service of the shop; without it nothing is said of who calls
 */
export function createCallee(
  name: string,
  baseUrl: string,
  patterns: Patterns,
  tell: Tell = untold,
  prove?: ProveCaller,
): Callee {
  const hasTimeouts = patterns.has("timeouts");
  const origin = new URL(baseUrl);
  const openPool = (): Pool =>
    new Pool(origin.origin, {
      // Never a queue of undici's: where calls are bounded, the bulkhead bounds them.
      connections: null,
      clientTtl: connectionAgeMs,
      keepAliveTimeout: connectionAgeMs,
      keepAliveMaxTimeout: connectionAgeMs,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: hasTimeouts ? connectTimeoutMs : 0 },
    });
  let pool = openPool();
  /** Pools that were released and have calls under way. */
  const released = new Set<Promise<void>>();
  const budget = patterns.has("budget")
    ? createRetryBudget({ onTokens: (tokens) => tell({ kind: "budget", callee: name, tokens }) })
    : unlimitedBudget;
  const breaker = patterns.has("breaker")
    ? createBreaker({ onState: (state) => tell({ kind: "breaker", callee: name, state }) })
    : noBreaker;
  const bulkhead = patterns.has("bulkhead") ? createBulkhead({ maxCalls: mostCalls }) : noBulkhead;
  const hedgeDelay = new HedgeDelay();
  if (patterns.has("breaker")) tell({ kind: "breaker", callee: name, state: breaker.state });

  return {
    get load() {
      return patterns.has("bulkhead") ? bulkhead.load : undefined;
    },
    async call(request) {
      const begunMs = performance.now();
      const outcome = await within(request, callEndMs(request));
      tell({ kind: "ended", callee: name, outcome: told(outcome), durationMs: performance.now() - begunMs });
      if (outcome.kind === "failed") throw new CallFailed(name, outcome);
      const { status, body, retryAfterMs } = outcome;
      return {
        status,
        body,
        ...(retryAfterMs > 0 && { retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) }),
      };
    },
    release() {
      const closing = pool.close();
      released.add(closing);
      void closing.finally(() => released.delete(closing));
      pool = openPool();
    },
    async close() {
      await Promise.all([...released, pool.close()]);
    },
  };

  function callEndMs({ deadlineMs = defaultDeadlineMs }: CallRequest): number {
    if (!patterns.has("deadlines")) return Number.POSITIVE_INFINITY;
    const ownEndMs = hasTimeouts ? performance.now() + deadlineMs : Number.POSITIVE_INFINITY;
    return Math.min(ownEndMs, deadlineOfRequest());
  }

  function within(request: CallRequest, endMs: number): Promise<Outcome> {
    tell({ kind: "called", callee: name });
    budget.deposit();
    const path = filledPath(request);
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const isIdempotent = request.isIdempotent ?? request.method === "GET";
    const isHedged = patterns.has("hedging") && isIdempotent && request.method === "GET";
    const once = (resend?: Resend): Promise<Outcome> => {
      const attempt = (cut: AbortController, place: HedgePlace = "first"): Promise<Outcome> =>
        attemptOnce(request, { path, body, endMs, cut, resend, place });
      const { delayMs } = hedgeDelay;
      return isHedged && delayMs !== undefined
        ? hedged(attempt, { callee: name, delayMs, mayHedge, tell })
        : attempt(new AbortController());
    };
    const mostAttempts = patterns.has("budget") ? attempts.withBudget : attempts.naive;
    return patterns.has("retries") && isIdempotent
      ? retrying(once, { callee: name, endMs, budget, mostAttempts, tell })
      : once();
  }

  function mayHedge(): boolean {
    if (breaker.state !== "closed" || !bulkhead.hasRoom) return false;
    if (budget.withdraw()) return true;
    tell({ kind: "budget-empty", callee: name, wanted: "hedge" });
    return false;
  }

  async function attemptOnce(
    request: CallRequest,
    { path, body, endMs: callEnd, cut, resend, place }: Attempt,
  ): Promise<Outcome> {
    const { deadlineMs = defaultDeadlineMs, attemptTimeoutMs = deadlineMs } = request;
    const endMs = hasTimeouts ? Math.min(callEnd, performance.now() + attemptTimeoutMs) : callEnd;
    if (endMs <= performance.now()) return notSent("deadline-passed");
    const passage = breaker.enter();
    if (passage === undefined) return notSent("breaker-open");
    using _timeout = cutAt(cut, endMs);
    const leave = await bulkhead.enter(cut.signal);
    if (leave === undefined) {
      passage.ignored();
      return notSent("bulkhead-full");
    }
    const sentMs = performance.now();
    const attributes = {
      "shop.callee": name,
      ...(patterns.has("breaker") && { "shop.breaker.state": breaker.state }),
      ...(Number.isFinite(endMs) && { "shop.deadline.left_ms": Math.round(endMs - sentMs) }),
      ...(resend && { "http.request.resend_count": resend.count, "shop.retry.reason": resend.why }),
      ...(place === "second" && { "shop.hedge": true }),
    };
    const outcome = await send(request, { path, body, endMs, signal: cut.signal, attributes });
    leave();
    const durationMs = performance.now() - sentMs;
    tell({ kind: "attempted", callee: name, outcome: told(outcome), durationMs });
    if (outcome.kind === "answered") {
      if (outcome.status >= 500) passage.failed();
      else passage.succeeded();
      if (troubleOf(outcome) === undefined) hedgeDelay.record(durationMs);
    } else if (outcome.reason === "denied") {
      passage.succeeded(); // it is well, and says no
    } else if (outcome.reason === "cancelled") {
      passage.ignored();
      hedgeDelay.record(durationMs);
    } else if (outcome.reason === "timeout" && durationMs < attemptTimeoutMs / 2) {
      passage.ignored(); // the little time that a request had left is no fault of the callee's
    } else passage.failed();
    return outcome;
  }

  function notSent(reason: FailureReason): Failure {
    tell({ kind: "not-sent", callee: name, reason });
    return { kind: "failed", reason, mayHaveHappened: false };
  }

  async function send(
    request: CallRequest,
    { path, body, endMs, signal, attributes }: Sending,
  ): Promise<Outcome> {
    const { method, headers, onBehalfOf } = request;
    let span: CallSpan | undefined;
    try {
      const proof = prove && { authorization: `Bearer ${await prove(onBehalfOf)}` };
      span = beginCall({ method, origin, route: routeOf(request), target: path }, attributes);
      const response = await pool.request({
        method,
        path,
        headers: {
          ...headers,
          ...span.headers,
          ...(patterns.has("deadlines") && deadlineHeaders(endMs)),
          ...(body !== null && { "content-type": "application/json" }),
          ...proof,
        },
        body,
        signal,
      });
      span.answered(response.statusCode);
      const text = await response.body.text();
      span.ended();
      if (proof !== undefined && response.headers["www-authenticate"] === challenge) {
        const cause = new Error(`answered ${response.statusCode}: ${text}`);
        return { kind: "failed", reason: "denied", mayHaveHappened: false, cause };
      }
      return {
        kind: "answered",
        status: response.statusCode,
        body: parseJson(text),
        retryAfterMs: readRetryAfter(response.headers["retry-after"]),
      };
    } catch (error) {
      const reason = reasonOf(error, signal);
      if (reason === "cancelled") span?.cancelled();
      else span?.failed(error);
      return { kind: "failed", reason, mayHaveHappened: reason !== "refused", cause: error };
    }
  }
}

function told(outcome: Outcome): number | FailureReason {
  return outcome.kind === "answered" ? outcome.status : outcome.reason;
}

const neverConnected = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function reasonOf(error: unknown, cut: AbortSignal): "timeout" | "cancelled" | "refused" | "broken" {
  if (cut.aborted) return cut.reason instanceof AnsweredElsewhere ? "cancelled" : "timeout";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return neverConnected.has(code) ? "refused" : "broken";
}

/** Seconds or a date, as RFC 9110 has it; 0 for what is neither. */
function readRetryAfter(header: string | string[] | undefined): number {
  if (typeof header !== "string") return 0;
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Math.max(0, waitMs) || 0;
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // as told by CallAnswer: a body that is no JSON is not of this protocol
  }
}
