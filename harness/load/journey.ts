import type { Random } from "../base/random.ts";

/**
 * A journey: what one client does, step by step, as an async function of a context. A step that does not go as expected
 * ends the journey there; its completion is that of its worst step.
 */
export type Journey = (context: JourneyContext) => Promise<void>;

export interface JourneyContext {
  /**
   * Makes one request and waits for its whole answer; one line of the history.
   * @throws when the answer is not as expected, or there is none: the journey ends, let it through
   */
  request(step: string, request: JourneyRequest): Promise<Answer>;
  /** Waits as a person would, in milliseconds. The next step counts from the end of it. */
  think(durationMs: number): Promise<void>;
  /** Ends the journey as failed, under the name of the check, unless `holds`. */
  check(name: string, holds: boolean): void;
  /** This journey's own stream: the same for the same seed and arrival. */
  readonly random: Random;
  /** A text of this journey's own, for an idempotency key, never used by another journey or run. */
  readonly key: string;
  /** What journeys of one run share: tokens by user, products seen. */
  readonly data: Map<string, unknown>;
}

export interface JourneyRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  /** The path's template, low in cardinality: "/products/:id". @default the path without its query */
  readonly route?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Statuses that are as it should be. @default every 2xx */
  readonly expect?: readonly number[];
  /** What the client was told, for the consistency check: ids, amounts, states; never secrets. */
  readonly told?: (answer: Answer) => Told;
}

export type Told = Readonly<Record<string, string | number | boolean | null>>;

export interface Answer {
  readonly status: number;
  /** The decoded JSON body; undefined when it is empty or no JSON. */
  readonly body: unknown;
}

/** Names the journeys of a module, as `target.yaml` lists them. */
export function defineJourneys<const J extends Readonly<Record<string, Journey>>>(journeys: J): J {
  return journeys;
}
