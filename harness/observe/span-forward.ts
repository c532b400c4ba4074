import { z } from "zod";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { encodingOf, rejectedIn } from "./otlp/export-answer.ts";

/** A request that was taken, as it came. */
export interface ForwardedRequest {
  readonly contentType: string;
  readonly contentEncoding: string | undefined;
  readonly body: Buffer;
  readonly spans: number;
}

const countsSchema = z.object({ requests: z.number().int(), spans: z.number().int() });

export const forwardStatsSchema = z.object({
  /** The URL that requests are sent to. */
  to: z.string(),
  sent: countsSchema,
  /** Given up after tries, or refused. */
  failed: countsSchema,
  /** Not tried: they came while too much waited, or waited when the time was over. */
  dropped: countsSchema,
  /** Spans of requests that were sent that the endpoint says it has not taken. */
  rejectedSpans: z.number().int(),
  waitingRequests: z.number().int(),
  /** Why one failed or was not taken whole, the last time. */
  lastError: z.string().optional(),
});
export type ForwardStats = Readonly<z.output<typeof forwardStatsSchema>>;

/**
 * Passes requests on to another OTLP endpoint, off the path of the answer: the sender has it before the first try. What
 * waits is bounded in bytes; what does not fit, and what fails, is counted and never held against anybody.
 */
export interface SpanForward {
  readonly stats: ForwardStats;
  offer(request: ForwardedRequest): void;
  /**
   * Takes no more, and returns when all that waits is sent, or after `withinMs`: what is left then is counted as dropped.
   */
  end(withinMs: number): Promise<ForwardStats>;
}

export interface SpanForwardOptions {
  /** Of bodies that wait or are under way. @default 32 MB */
  readonly waitLimitBytes?: number;
  /** Before the second try; twice that before each further one. @default 250 ms */
  readonly pauseMs?: number;
}

/** The most that one slow answer holds up the others. */
const senders = 4;
const tries = 4;
const answerWithinMs = 10_000;

/**
 * Where the traces of an OTLP/HTTP endpoint go: "http://jaeger:4318" -> "http://jaeger:4318/v1/traces".
 * @returns nothing where it is no such endpoint
 */
export function tracesUrl(endpoint: string): string | undefined {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  const path = url.pathname.replace(/\/$/, "");
  url.pathname = path.endsWith("/v1/traces") ? path : `${path}/v1/traces`;
  return url.href;
}

/** @param to URL of the endpoint's traces */
export function startForward(to: string, options: SpanForwardOptions = {}): SpanForward {
  const { waitLimitBytes = 32_000_000, pauseMs = 250 } = options;
  const waiting: ForwardedRequest[] = [];
  const sent = { requests: 0, spans: 0 };
  const failed = { requests: 0, spans: 0 };
  const dropped = { requests: 0, spans: 0 };
  const over = new AbortController();
  const busy = new Set<Promise<void>>();
  let heldBytes = 0;
  let isEnding = false;
  let rejectedSpans = 0;
  let lastError: string | undefined;

  return {
    get stats() {
      return stats();
    },
    offer(request) {
      if (isEnding || heldBytes + request.body.length > waitLimitBytes) return count(dropped, request);
      heldBytes += request.body.length;
      // A body may be a slice of a larger buffer of the socket's, which would be kept as well.
      waiting.push({ ...request, body: Buffer.from(request.body) });
      if (busy.size >= senders) return;
      const sender = sendWaiting();
      busy.add(sender);
      void sender.then(() => busy.delete(sender));
    },
    async end(withinMs) {
      isEnding = true;
      const timer = setTimeout(() => over.abort(new Error(`not sent within ${withinMs} ms`)), withinMs);
      await Promise.all(busy);
      clearTimeout(timer);
      return stats();
    },
  };

  async function sendWaiting(): Promise<void> {
    for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
      if (over.signal.aborted) count(dropped, request);
      else await send(request);
      heldBytes -= request.body.length;
    }
  }

  async function send(request: ForwardedRequest): Promise<void> {
    for (let tried = 1; ; tried += 1) {
      const outcome = await tryOnce(request);
      if (outcome === "sent") return count(sent, request);
      if (over.signal.aborted) return count(dropped, request);
      if (outcome === "refused" || tried === tries) return count(failed, request);
      await systemClock.sleep(pauseMs * 2 ** (tried - 1), over.signal).catch(() => undefined);
    }
  }

  async function tryOnce(request: ForwardedRequest): Promise<"sent" | "refused" | "again"> {
    try {
      const response = await fetch(to, {
        method: "POST",
        headers: {
          "content-type": request.contentType,
          ...(request.contentEncoding === undefined ? {} : { "content-encoding": request.contentEncoding }),
        },
        body: new Uint8Array(request.body),
        signal: AbortSignal.any([over.signal, AbortSignal.timeout(answerWithinMs)]),
      });
      const answer = Buffer.from(await response.arrayBuffer());
      if (response.ok) {
        const encoding = encodingOf(response.headers.get("content-type") ?? request.contentType);
        const rejected = encoding && rejectedIn(encoding, answer);
        rejectedSpans += rejected?.spans ?? 0;
        if (rejected !== undefined) lastError = rejected.why;
        return "sent";
      }
      lastError = `answered ${response.status}`;
      // Which to try again is OTLP's to say (opentelemetry.io/docs/specs/otlp/#retryable-response-codes).
      return [429, 502, 503, 504].includes(response.status) ? "again" : "refused";
    } catch (error) {
      if (!over.signal.aborted) lastError = causeOf(error);
      return "again";
    }
  }

  function stats(): ForwardStats {
    return {
      to,
      sent: { ...sent },
      failed: { ...failed },
      dropped: { ...dropped },
      rejectedSpans,
      waitingRequests: waiting.length,
      ...(lastError === undefined ? {} : { lastError }),
    };
  }
}

function count(counts: { requests: number; spans: number }, { spans }: ForwardedRequest): void {
  counts.requests += 1;
  counts.spans += spans;
}

/** `fetch failed` says nothing: its cause does. */
function causeOf(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error);
}

/** For a person, at the end: "812 requests (36560 spans) forwarded to http://…". */
export function forwardText({ to, sent, failed, dropped, rejectedSpans, lastError }: ForwardStats): string {
  const told = ({ requests, spans }: ForwardStats["sent"]): string =>
    `${some(requests, "request")} (${some(spans, "span")})`;
  return [
    `${told(sent)} forwarded to ${to}`,
    ...(failed.requests > 0 ? [`${told(failed)} failed`] : []),
    ...(dropped.requests > 0 ? [`${told(dropped)} dropped, being too many or too late`] : []),
    ...(rejectedSpans > 0 ? [`${some(rejectedSpans, "span")} not taken by the endpoint`] : []),
    ...(lastError === undefined ? [] : [`last error: ${lastError}`]),
  ].join("; ");
}

function some(number: number, what: string): string {
  return `${number} ${number === 1 ? what : `${what}s`}`;
}
