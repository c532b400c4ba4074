import { AsyncLocalStorage } from "node:async_hooks";
import { trace } from "@opentelemetry/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { HttpError } from "../http-error.ts";
import type { Tell } from "./pattern-event.ts";

/**
 * A deadline travels with its request: whoever asks says how long it will wait, and whoever is asked passes on what is
 * left, so that nobody works on an answer that nobody waits for any more.
 *
 *   client ─▶ gateway, 6000 ms left ─▶ order, 4990 ─▶ payment, 2480 ─▶ …
 *
 * On the wire it is a duration, as in gRPC (grpc.io/docs/guides/deadlines), so that clocks need not agree; and beside it
 * the moment at which it ends, so that time spent on the way counts where they do. Where the two differ by more than a
 * minute the clocks are wrong and the moment is ignored (as userver does).
 *
 * Here it is a moment on the clock of performance.now(); infinity means none.
 */
export const deadlineHeader = "x-deadline-ms";
const deadlineAtHeader = "x-deadline-at-ms";
const plausibleMs = 60_000;

const ofRequest = new AsyncLocalStorage<number>();

/** When the request at hand must be over; infinity outside requests and where deadlines are off. */
export function deadlineMs(): number {
  return ofRequest.getStore() ?? Number.POSITIVE_INFINITY;
}

/** Does work that has to be over at `endMs`, on the clock of performance.now(). */
export function withDeadline<T>(endMs: number, work: () => T): T {
  return ofRequest.run(endMs, work);
}

/** Work that others wait for too is not bound to the deadline of whoever asked first. */
export function withoutDeadline<T>(work: () => T): T {
  return withDeadline(Number.POSITIVE_INFINITY, work);
}

/** The headers that hand a deadline on. */
export function deadlineHeaders(endMs: number): Readonly<Record<string, string>> {
  if (!Number.isFinite(endMs)) return {};
  const leftMs = Math.max(0, Math.floor(endMs - performance.now()));
  return { [deadlineHeader]: String(leftMs), [deadlineAtHeader]: String(Date.now() + leftMs) };
}

/** Reads what {@link deadlineHeaders} wrote; no number means no deadline. */
export function readDeadline(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  nowMs = performance.now(),
): number {
  const leftMs = wholeNumber(headers[deadlineHeader]);
  if (leftMs === undefined) return Number.POSITIVE_INFINITY;
  const atMs = wholeNumber(headers[deadlineAtHeader]);
  const onTheWayMs = atMs === undefined ? 0 : Date.now() + leftMs - atMs;
  const counts = onTheWayMs > 0 && onTheWayMs <= plausibleMs;
  return nowMs + leftMs - (counts ? onTheWayMs : 0);
}

export interface DeadlineOptions {
  /** What a request may take at most, also when it brings no deadline. @default Infinity */
  readonly longestMs?: number | undefined;
  readonly tell: Tell;
}

/** Refuses requests whose deadline is over, with 504 and before anything is done, and gives the others theirs to work by. */
export function honourDeadlines(
  app: FastifyInstance,
  { longestMs = Number.POSITIVE_INFINITY, tell }: DeadlineOptions,
): void {
  const ends = new WeakMap<FastifyRequest, number>();
  app.addHook("onRequest", (request, _reply, done) => {
    const nowMs = performance.now();
    const endMs = Math.min(readDeadline(request.headers, nowMs), nowMs + longestMs);
    if (Number.isFinite(endMs)) {
      ends.set(request, endMs);
      trace.getActiveSpan()?.setAttribute("shop.deadline.left_ms", Math.round(endMs - nowMs));
    }
    if (endMs > nowMs) return done();
    tell({
      kind: "deadline-exceeded",
      route: request.routeOptions.url ?? "none",
      lateMs: Math.round(nowMs - endMs),
    });
    done(new HttpError(504, "deadline-exceeded", "nobody waits for this answer any more"));
  });
  // Not sooner: what reads a request's body runs in a context of its own.
  app.addHook("preHandler", (request, _reply, done) => {
    const endMs = ends.get(request);
    if (endMs === undefined) done();
    else withDeadline(endMs, done);
  });
}

function wholeNumber(text: string | string[] | undefined): number | undefined {
  return typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
