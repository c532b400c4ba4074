/**
 * What a k6 script tells Squall, in k6's own metrics: which journey an iteration takes, which step a request is, its
 * trace, and what the client was told. It imports k6's modules alone, so that a script elsewhere may take a copy.
 *
 *   takeJourney("buy", () => { request("place-order", …) })  →  points tagged journey, step; metadata trace_id, told
 *
 * Run by k6, never by Node.
 */
import { randomBytes } from "k6/crypto";
import exec from "k6/execution";
import http from "k6/http";
import { Counter } from "k6/metrics";
import type { Scenario } from "k6/options";

/** k6's own; the library of TypeScript knows it as a browser's. */
declare const console: { error(message: string): void };

/** Ids, amounts, states; never secrets: the history is part of the report. */
export type Told = Readonly<Record<string, string | number | boolean | null>>;

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  /** The path's template, low in cardinality. @default the path without its query */
  readonly route?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Statuses that are as it should be; any other ends the journey. @default every 2xx */
  readonly expect?: readonly number[];
  /** What the client was told by an answer with a JSON body; asked for every status. */
  readonly told?: (body: unknown) => Told | undefined;
}

const baseUrl = __ENV["BASE_URL"] ?? "http://127.0.0.1:8080";
const toldPoints = new Counter("squall_told");
const errorPoints = new Counter("squall_journey_error");
const anySuccess = http.expectedStatuses({ min: 200, max: 299 });

/** Ends a journey whose step did not go as expected; k6 has its points already. */
class JourneyEnded extends Error {}

/** Takes the one journey of this iteration. An error of its own is told as this iteration's, and logged. */
export function takeJourney(name: string, journey: () => void): void {
  // Stays until the next iteration sets it: the point that ends an iteration comes after this function.
  exec.vu.metrics.tags["journey"] = name;
  try {
    journey();
  } catch (error) {
    if (error instanceof JourneyEnded) return;
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    withMetadata({ error: message }, () => errorPoints.add(1));
    console.error(message);
  }
}

/**
 * Makes one request as a step of the journey, with a trace of its own.
 * @returns the decoded JSON of an answer as expected; undefined when it has none
 * @throws what ends the journey, when the answer is not as expected: let it through
 */
export function request(step: string, call: Call): unknown {
  const traceId = randomHex(16);
  const journey = String(exec.vu.metrics.tags["journey"] ?? "");
  return withMetadata({ trace_id: traceId }, () => {
    const response = http.request(
      call.method,
      baseUrl + call.path,
      call.body === undefined ? null : JSON.stringify(call.body),
      {
        headers: {
          ...call.headers,
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
          traceparent: `00-${traceId}-${randomHex(8)}-01`,
          ...(journey === "" ? {} : { baggage: `squall.journey=${journey}` }),
        },
        tags: { step, name: call.route ?? call.path.replace(/\?.*$/s, "") },
        redirects: 0,
        responseCallback: call.expect === undefined ? anySuccess : http.expectedStatuses(...call.expect),
      },
    );
    const body = decoded(response.body);
    if (body !== undefined && call.told !== undefined) tell(call.told(body));
    const isExpected =
      call.expect?.includes(response.status) ?? (response.status >= 200 && response.status < 300);
    if (!isExpected) throw new JourneyEnded();
    return body;
  });
}

/** Tells what the client was told by the last request of this iteration. */
export function tell(told: Told | undefined): void {
  if (told !== undefined) withMetadata({ told: JSON.stringify(told) }, () => toldPoints.add(1));
}

/**
 * The arrivals that the experiment asks for, as a scenario: `RATE` a second for `DURATION`, each virtual user a client.
 * k6 drops an arrival for which all of `maxVUs` are busy, and the verdict says so.
 */
export function arrivals(vus: { readonly preAllocatedVUs: number; readonly maxVUs: number }): Scenario {
  return {
    executor: "constant-arrival-rate",
    // k6 takes whole numbers only: by the minute, so that less than one a second can be said.
    rate: Math.round(Number(__ENV["RATE"] ?? "1") * 60),
    timeUnit: "1m",
    duration: __ENV["DURATION"] ?? "10s",
    ...vus,
  };
}

/** Metadata reaches each point of the meantime, and unlike a tag makes no time series of its own. */
function withMetadata<T>(metadata: Readonly<Record<string, string>>, act: () => T): T {
  for (const [key, value] of Object.entries(metadata)) exec.vu.metrics.metadata[key] = value;
  try {
    return act();
  } finally {
    for (const key of Object.keys(metadata)) delete exec.vu.metrics.metadata[key];
  }
}

function decoded(body: unknown): unknown {
  if (typeof body !== "string" || body === "") return undefined;
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined; // no JSON
  }
}

function randomHex(bytes: number): string {
  return [...new Uint8Array(randomBytes(bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
