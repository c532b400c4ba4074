import { z } from "zod";
import { duration, fields, rate, size, text } from "../base/fields.ts";
import type { TargetEdge } from "../target/target-edge.ts";
import { headerName, headersSchema, httpMatchSchema, statementMatchSchema } from "./call-match.ts";
import { selectionFields, selectionOf, type CallSelection } from "./call-selection.ts";
import { delayFields, delayOf } from "./delay.ts";
import { placeFields, placeOf, type GivenPlace, type Place } from "./place.ts";

/**
 * Faults of calls: single requests over HTTP, single statements of PostgreSQL. Each says which calls it takes, in the same
 * fields for all, and what is done to them.
 */

const longestMs = 3_600_000;

/** By these the ends of messages and connections are found: changed, they would make other messages of the bytes. */
const fixedHeaders = ["connection", "content-length", "host", "transfer-encoding"];

/** The proxy keeps no longer body whole, to change it. */
const longestBodyBytes = 1_000_000;

/** The members of the schema of faults that act on calls; with `edges`, their edge must be one that speaks the protocol. */
export function callFaults(edges?: readonly TargetEdge[]) {
  const http = { ...placeFields(edges, "http"), ...selectionFields(httpMatchSchema) };
  const postgres = { ...placeFields(edges, "postgresql"), ...selectionFields(statementMatchSchema) };
  const direction = {
    stream: z
      .enum(["downstream", "upstream"], {
        error: "expected downstream (the answer) or upstream (the request)",
      })
      .default("downstream"),
  };
  return {
    "http-status": fields({
      ...http,
      status: z
        .int({ error: "expected a status from 200 to 599" })
        .min(200, { error: "expected a status from 200 to 599" })
        .max(599, { error: "expected a status from 200 to 599" }),
      body: z
        .string({ error: "expected a text" })
        .max(65_536, { error: "expected at most 65536 characters" })
        .optional(),
      headers: settableHeaders.optional(),
    }).transform(({ status, body, headers, ...calls }, context) => ({
      kind: "http-status" as const,
      ...callsOf(calls, context),
      status,
      body,
      headers,
    })),
    "http-delay": fields({
      ...http,
      ...delayFields,
      before: z
        .enum(["call", "answer", "piece"], { error: "expected call, answer or piece" })
        .default("call"),
    }).transform(({ delay, jitter, distribution, values, before, ...calls }, context) => ({
      kind: "http-delay" as const,
      ...callsOf(calls, context),
      before,
      ...delayOf({ delay, jitter, distribution, values }, context),
    })),
    "http-abort": fields({
      ...http,
      when: z
        .enum(["before-call", "after-head"], { error: "expected before-call or after-head" })
        .default("before-call"),
    }).transform(({ when, ...calls }, context) => ({
      kind: "http-abort" as const,
      ...callsOf(calls, context),
      when,
    })),
    "http-lost-response": fields({
      ...http,
      then: z.enum(["reset", "close", "hang"], { error: "expected reset, close or hang" }).default("reset"),
    }).transform(({ then: ending, ...calls }, context) => ({
      kind: "http-lost-response" as const,
      ...callsOf(calls, context),
      ending,
    })),
    "http-duplicate": fields({ ...http, delay: duration({ atMost: longestMs }).default(0) }).transform(
      ({ delay: delayMs, ...calls }, context) => ({
        kind: "http-duplicate" as const,
        ...callsOf(calls, context),
        delayMs,
      }),
    ),
    "http-truncate": fields({ ...http, ...direction, bytes: size().default(0) }).transform(
      ({ bytes: sizeBytes, stream, ...calls }, context) => ({
        kind: "http-truncate" as const,
        ...callsOf(calls, context),
        stream,
        sizeBytes,
      }),
    ),
    "http-corrupt": fields({
      ...http,
      ...direction,
      bytes: size({ atLeast: 1, atMost: longestBodyBytes }).optional(),
      field: z
        .string({ error: 'expected a JSON pointer such as "/total"' })
        .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, { error: 'expected a JSON pointer such as "/total"' })
        .optional(),
      value: z.json({ error: "expected a value that JSON can hold" }).optional(),
    }).transform(({ bytes, field, value, stream, ...calls }, context) => ({
      kind: "http-corrupt" as const,
      ...callsOf(calls, context),
      stream,
      change: changeOf({ bytes, field, value }, context),
    })),
    "http-header": fields({
      ...http,
      ...direction,
      set: settableHeaders.default({}),
      remove: z.array(settable(headerName), { error: "expected a list of headers" }).default([]),
    }).transform(({ set, remove, stream, ...calls }, context) => {
      if (Object.keys(set).length + remove.length === 0)
        context.addIssue({ code: "custom", message: "expected headers to set or to remove" });
      return { kind: "http-header" as const, ...callsOf(calls, context), stream, set, remove };
    }),
    "http-rate-limit": fields({
      ...http,
      rate: rate({ atLeast: 0.01, atMost: 100_000 }),
      burst: z
        .int({ error: "expected a whole number of calls from 1" })
        .min(1, { error: "expected a whole number of calls from 1" })
        .max(1_000_000, { error: "expected at most 1000000 calls" })
        .default(1),
      "retry-after": duration({ atMost: 86_400_000 })
        .refine((retryAfterMs) => retryAfterMs % 1_000 === 0, {
          error: 'expected whole seconds such as "2s"',
        })
        .default(1_000),
    }).transform(({ rate: ratePerSecond, burst, "retry-after": retryAfterMs, ...calls }, context) => ({
      kind: "http-rate-limit" as const,
      ...callsOf(calls, context),
      ratePerSecond,
      burst,
      retryAfterMs,
    })),
    "pg-delay": fields({ ...postgres, ...delayFields }).transform(
      ({ delay, jitter, distribution, values, ...calls }, context) => ({
        kind: "pg-delay" as const,
        ...callsOf(calls, context),
        ...delayOf({ delay, jitter, distribution, values }, context),
      }),
    ),
    "pg-error": fields({
      ...postgres,
      code: z
        .string({ error: 'expected an SQLSTATE in quotes such as "40001"' })
        .regex(/^(?!0[012])[0-9A-Z]{5}$/, {
          error: 'expected the SQLSTATE of an error, five digits and capitals such as "40001"',
        }),
      message: text("a text")
        .regex(/^[^\0]{1,1000}$/, { error: "expected at most 1000 characters" })
        .optional(),
    }).transform(({ code, message, ...calls }, context) => ({
      kind: "pg-error" as const,
      ...callsOf(calls, context),
      code,
      message,
    })),
  };
}

const settableHeaders = z.record(settable(headerName), headersSchema.valueType, {
  error: "expected a mapping of headers",
});

function settable(name: typeof headerName) {
  return name.refine((given) => !fixedHeaders.includes(given.toLowerCase()), {
    error: "a header that says where a message ends cannot be changed",
  });
}

function callsOf<M>(
  { edge, name, at, for: lasting, ...selection }: GivenPlace & Parameters<typeof selectionOf<M>>[0],
  context: z.core.$RefinementCtx,
): Place & { readonly calls: CallSelection<M> } {
  return { ...placeOf({ edge, name, at, for: lasting }), calls: selectionOf(selection, context) };
}

type Change =
  | { readonly of: "bytes"; readonly sizeBytes: number }
  | { readonly of: "field"; readonly pointer: string; readonly value: z.core.util.JSONType };

interface GivenChange {
  readonly bytes?: number | undefined;
  readonly field?: string | undefined;
  readonly value?: z.core.util.JSONType | undefined;
}

function changeOf({ bytes, field, value }: GivenChange, context: z.core.$RefinementCtx): Change {
  const problem = (path: string, message: string): void =>
    context.addIssue({ code: "custom", path: [path], message });
  if (field === undefined) {
    if (value !== undefined) problem("field", "expected the JSON pointer of the field that gets the value");
    return { of: "bytes", sizeBytes: bytes ?? 1 };
  }
  if (bytes !== undefined) problem("bytes", "bytes mean nothing beside a field");
  if (value === undefined) problem("value", "expected the value that the field gets");
  return { of: "field", pointer: field, value: value ?? null };
}
