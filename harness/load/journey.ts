import type { z } from "zod";
import type { Random } from "../base/random.ts";

/**
 * A journey: what one client does, step by step, as an async function of a context. A step that does not go as expected
 * ends the journey there; its completion is that of its worst step.
 *
 *   intended start ─request→ answer ─think→ intended start ─request→ answer …
 */
export type Journey = (context: JourneyContext) => Promise<unknown>;

/** What a journey is given. Its steps are taken one after another, never two at once. */
export interface JourneyContext {
  /**
   * Makes one request and waits for its whole answer; one line of the history, under the step's name.
   * @throws when the answer is not as expected, or there is none: the journey ends, let it through
   */
  readonly request: <T = unknown>(step: string, request: JourneyRequest<T>) => Promise<Answer<T>>;
  /** Waits as a person would, in milliseconds. The next step is intended at the end of it. */
  readonly think: (durationMs: number) => Promise<void>;
  /** Ends the journey as failed, under the name of the check, unless `holds`. */
  readonly check: (name: string, holds: boolean) => void;
  /** This journey's own stream: the same for the same seed and arrival. */
  readonly random: Random;
  /** A text of this journey's own, for an idempotency key, never used by another journey or run. */
  readonly key: string;
  /**
   * What the journeys of a run share, made by `create` when first asked for; `create` itself is the key:
   * `const seenProducts = () => new Set<string>()`, then `shared(seenProducts).add(id)`.
   */
  readonly shared: <T>(create: () => T) => T;
}

/** @typeParam T form of the answer's JSON */
export interface JourneyRequest<T = unknown> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query: "/api/products?page=2". */
  readonly path: string;
  /** The path's template, low in cardinality: "/products/:id". @default the path without its query */
  readonly route?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Statuses that are as it should be; any other ends the journey as failed. @default every 2xx */
  readonly expect?: readonly number[];
  /** The form of an expected answer's JSON; one of another form leaves unknown what was done, and ends the journey. */
  readonly answer?: z.ZodType<T>;
  /**
   * What the client was told, for the consistency check: ids, amounts, states; never secrets. Asked for every whole
   * answer of the form `answer`, also for one whose status ends the journey.
   */
  readonly told?: (answer: Answer<T>) => Told | undefined;
}

export type Told = Readonly<Record<string, string | number | boolean | null>>;

export interface Answer<T = unknown> {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The decoded JSON; undefined when the answer is empty or no JSON. */
  readonly body: T;
}

/** The journeys of a module, by the names that `target.yaml` lists; the module exports them as `journeys`. */
export function defineJourneys<const J extends Readonly<Record<string, Journey>>>(journeys: J): J {
  return journeys;
}
