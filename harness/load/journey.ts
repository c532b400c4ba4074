import type { z } from "zod";
import type { Random } from "../base/random.ts";
import type { DataFile } from "./data-file.ts";
import type { DataRows } from "./data-rows.ts";

/**
 * A journey: what one client does, step by step, as an async function of a context. A step that does not go as expected
 * ends the journey there; its completion is that of its worst step.
 *
 *   arrival ─virtual user→ journey ─http→ answer ─think→ http → answer … → the user is idle again
 */
export type Journey = (context: JourneyContext) => Promise<unknown>;

/** What a journey is given. */
export interface JourneyContext {
  /** Makes requests: `http.get("list", "/products")`. Each is a step, and a line of the history. */
  readonly http: Http;
  /** Waits as a person would, in milliseconds. The next step is intended at the end of it. */
  readonly think: (durationMs: number) => Promise<void>;
  /** Ends the journey as failed, under the name of the check, unless `holds`. */
  readonly check: (name: string, holds: boolean) => void;
  /** This journey's own stream: the same for the same seed and arrival. */
  readonly random: Random;
  /** A text of this journey's own, for an idempotency key, never used by another journey or run. */
  readonly key: string;
  /** Which virtual user takes this journey, from 0. */
  readonly user: number;
  /**
   * What this virtual user keeps from journey to journey, made by `create` when first asked for; `create` itself is the
   * key: `const login = () => ({ token: "" })`, then `session(login).token = …`.
   */
  readonly session: <T>(create: () => T) => T;
  /** What the journeys of a run share, made in the same way. */
  readonly shared: <T>(create: () => T) => T;
  /** Rows of a data file: `data(accounts).own()`. */
  readonly data: <T>(file: DataFile<T>) => DataRows<T>;
}

/**
 * One call, one request, without retries. The step's name is for the history: one name for each kind of request.
 *
 * Several may be under way at once (`Promise.all`): they are intended at the same time, and the next step when the last
 * of them ended. One that is not awaited is waited for all the same before the journey counts as ended.
 *
 * Each throws when the answer is not as expected, or there is none: the journey ends, let it through.
 */
export interface Http {
  get<T = unknown>(step: string, path: string, options?: Omit<RequestOptions<T>, "body">): Promise<Answer<T>>;
  post<T = unknown>(step: string, path: string, options?: RequestOptions<T>): Promise<Answer<T>>;
  put<T = unknown>(step: string, path: string, options?: RequestOptions<T>): Promise<Answer<T>>;
  patch<T = unknown>(step: string, path: string, options?: RequestOptions<T>): Promise<Answer<T>>;
  delete<T = unknown>(step: string, path: string, options?: RequestOptions<T>): Promise<Answer<T>>;
}

/** @typeParam T form of the answer's JSON */
export interface RequestOptions<T = unknown> {
  /** The path's template, low in cardinality: "/products/:id". @default the path without its query */
  readonly route?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a string as it is, and URLSearchParams as a form, each with the content type to go with it. */
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
  /** The body as it came. */
  readonly text: string;
}

/** The journeys of a module, by the names that `target.yaml` lists; the module exports them as `journeys`. */
export function defineJourneys<const J extends Readonly<Record<string, Journey>>>(journeys: J): J {
  return journeys;
}
