import { SquallError, messageOf } from "../base/errors.ts";
import { jsonIn } from "../base/json.ts";
import { decodeSpans } from "../record/otlp.ts";
import type { Span } from "../record/span.ts";

/** Which traces to read: those that have a span of one of these services in this time (epoch). */
export interface TraceSearch {
  readonly services: readonly string[];
  readonly startMs: number;
  readonly endMs: number;
  /** Ids of traces that are asked for by id, should the search not bring them. */
  readonly wanted: ReadonlySet<string>;
}

export interface JaegerTraces {
  /** Each once. */
  readonly spans: readonly Span[];
  /** Traces that were wanted and that Jaeger does not have, or that were too many to ask for one by one. */
  readonly missingTraces: number;
  /** Searches of the shortest time that brought as many traces as they may: there may be more. */
  readonly cutSearches: number;
}

export interface JaegerOptions {
  readonly signal?: AbortSignal;
  /** The most traces that one search may bring; where it brings as many, each half of its time is searched. @default 500 */
  readonly searchDepth?: number;
  /** The most traces that are asked for by id. @default 100 */
  readonly mostById?: number;
}

const answerWithinMs = 30_000;
const shortestSearchMs = 20;
const atOnce = 4;

/**
 * Reads traces out of a Jaeger, over `GET /api/v3/traces` and `GET /api/v3/traces/{id}`: there are no pages, so time is
 * divided until an answer is whole. They are asked for as stored: clocks are aligned here.
 * @param jaeger base URL of its query server: "http://jaeger:16686"
 * @throws {SQUALL_USAGE} when no such server answers there
 */
export async function readJaegerTraces(
  jaeger: string,
  { services, startMs, endMs, wanted }: TraceSearch,
  { signal, searchDepth = 500, mostById = 100 }: JaegerOptions = {},
): Promise<JaegerTraces> {
  const spans = new Map<string, Span>();
  const traceIds = new Set<string>();
  let cutSearches = 0;
  for (const service of services) await search(service, startMs, endMs);
  const linked = [...spans.values()].flatMap(({ links }) => links.map(({ traceId }) => traceId));
  const lacking = [...new Set([...wanted, ...linked])].filter((traceId) => !traceIds.has(traceId));
  const asked = lacking.slice(0, mostById).values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const traceId of asked) keep(await ask(`/${traceId}`, { rawTraces: "true", raw_traces: "true" }));
    }),
  );
  const missingTraces = lacking.filter((traceId) => !traceIds.has(traceId)).length;
  return { spans: [...spans.values()].sort(byStart), missingTraces, cutSearches };

  async function search(service: string, fromMs: number, toMs: number): Promise<void> {
    const found = await ask("", searchParameters(service, fromMs, toMs, searchDepth));
    keep(found);
    if (new Set(found.map(({ traceId }) => traceId)).size < searchDepth) return;
    const middleMs = Math.floor((fromMs + toMs) / 2);
    if (toMs - fromMs <= shortestSearchMs) {
      cutSearches += 1;
      return;
    }
    await search(service, fromMs, middleMs);
    await search(service, middleMs, toMs);
  }

  function keep(found: readonly Span[]): void {
    for (const span of found) {
      traceIds.add(span.traceId);
      spans.set(`${span.traceId} ${span.spanId}`, span);
    }
  }

  async function ask(path: string, parameters: Readonly<Record<string, string>>): Promise<readonly Span[]> {
    const url = `${jaeger.replace(/\/$/, "")}/api/v3/traces${path}?${String(new URLSearchParams(parameters))}`;
    const timeout = AbortSignal.timeout(answerWithinMs);
    try {
      const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
      return spansIn(response.status, await response.text());
    } catch (error) {
      signal?.throwIfAborted();
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw new SquallError("SQUALL_USAGE", `no traces from ${jaeger}: ${messageOf(cause)}`, {
        hint: "expected the base URL of a Jaeger's query server, such as http://127.0.0.1:16686",
        cause: error,
      });
    }
  }
}

/** Jaeger's own order is any. */
function byStart(one: Span, other: Span): number {
  return one.startMs - other.startMs;
}

/**
 * The names in camel case are those of today; before them, until Jaeger 2.20, names were in snake case, which one that knows
 * the others leaves alone (`docs/apis/api_v3_http.md` in Jaeger's repository).
 */
function searchParameters(
  service: string,
  fromMs: number,
  toMs: number,
  depth: number,
): Readonly<Record<string, string>> {
  const [from, to] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()];
  return {
    "query.serviceName": service,
    "query.startTimeMin": from,
    "query.startTimeMax": to,
    "query.searchDepth": String(depth),
    "query.rawTraces": "true",
    "query.service_name": service,
    "query.start_time_min": from,
    "query.start_time_max": to,
    "query.search_depth": String(depth),
    "query.num_traces": String(depth),
    "query.raw_traces": "true",
  };
}

/** @throws when it is no answer of `/api/v3/traces` */
function spansIn(status: number, answer: string): readonly Span[] {
  const parts = partsOf(answer);
  for (const part of parts) {
    const error = memberOf(part, "error");
    if (error === undefined) continue;
    const message = memberOf(error, "message");
    // What is not found is said as an error.
    if (status === 404 || memberOf(error, "httpCode") === 404) return [];
    throw new Error(`answered ${status}: ${typeof message === "string" ? message : JSON.stringify(error)}`);
  }
  const results = parts.map((part) => memberOf(part, "result"));
  if (status !== 200 || results.length === 0 || results.includes(undefined))
    throw new Error(`answered ${status}, and not {"result": …}: ${answer.slice(0, 80)}`);
  return results.flatMap(decodeSpans);
}

/** One part; or one a line, where the server sends them as they come. */
function partsOf(answer: string): readonly unknown[] {
  const whole = jsonIn(answer);
  if (whole !== undefined) return [whole];
  return answer.split("\n").flatMap((line) => (line.trim() === "" ? [] : [jsonIn(line)]));
}

function memberOf(holder: unknown, key: string): unknown {
  return typeof holder === "object" && holder !== null
    ? (holder as Readonly<Record<string, unknown>>)[key]
    : undefined;
}
