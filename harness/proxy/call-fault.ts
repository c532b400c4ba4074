import { z } from "zod";
import { fields } from "../base/fields.ts";
import type { Session, SessionContext } from "./session.ts";
import type { Stream } from "./toxic.ts";
import { wholeNumber } from "./toxics/toxic-kind.ts";

/**
 * Faults of calls: what is done to single requests of a protocol, where a toxic of bytes takes a whole connection.
 *
 *   call ──→ match? ──→ after? ──→ nth, every, times? ──→ probability? ──→ taken: the fault acts
 *
 * A call is one request and its answer: an exchange of HTTP, a statement of PostgreSQL.
 */
export interface Call {
  /** What the evidence calls it, "POST /orders/:id": the kind of call, never a customer's values. */
  readonly label: string;
  readonly traceId: string | undefined;
}

/** A protocol whose calls faults can take. */
export interface Protocol<C extends Call = Call> {
  readonly name: string;
  /** @param match as the protocol's match schema gave it */
  matcher(match: unknown): (call: C) => boolean;
  openSession(context: SessionContext): Session;
}

/** One kind of fault of calls. */
export interface CallFaultKind {
  readonly protocol: Protocol;
  /** Parses the attributes and fills in defaults; has at least those of {@link callAttributes}. */
  readonly attributes: z.ZodType<SelectionAttributes>;
  /** What it can act on: `upstream` is the request, `downstream` the answer. The first is the default. */
  readonly streams: readonly [Stream, ...Stream[]];
}

/** Which of the calls of its connections a fault takes. */
export interface SelectionAttributes {
  readonly [name: string]: unknown;
  readonly match?: unknown;
  readonly nth?: number | undefined;
  readonly every?: number | undefined;
  readonly times?: number | undefined;
  readonly after?: string | { readonly match: unknown } | undefined;
  readonly probability: number;
}

const shareError = "expected a share of calls from 0 to 1";
const toxicNameError = 'expected the name of a toxic such as "lost" or "edge/lost", or {"match": ...}';

/**
 * The attributes of a kind: its own, and those that select its calls.
 * @param match the schema of what a call of its protocol is matched by
 */
export function callAttributes<M extends z.ZodType, S extends z.core.$ZodLooseShape>(match: M, own: S) {
  const count = () => wholeNumber("calls", { from: 1, to: Number.MAX_SAFE_INTEGER }).optional();
  return fields({
    match: match.optional(),
    nth: count(),
    every: count(),
    times: count(),
    after: z.union([z.string().min(1), fields({ match })], { error: toxicNameError }).optional(),
    probability: z
      .number({ error: shareError })
      .min(0, { error: shareError })
      .max(1, { error: shareError })
      .default(1),
    ...own,
  });
}
