import { METHODS } from "node:http";
import { z } from "zod";
import { fields, text } from "../base/fields.ts";

/** Which calls a fault is about. */

/** What of an HTTP exchange must be so; what is left out may be anything. */
export interface HttpMatch {
  readonly method?: string | undefined;
  /** Without a query. `:name` stands for one segment, a `*` at the end for any rest. */
  readonly path?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly baggage?: Readonly<Record<string, string>> | undefined;
  readonly traceId?: string | undefined;
}

const pathPattern = /^\/[^\s?#*]*\*?$/;
const methodError = 'expected a method in capitals such as "POST"';
const pathError = 'expected a path such as "/orders/:id" or "/orders/*", without a query';
const textError = "expected a text; a number needs quotes";
const httpError =
  'expected a call such as "POST /orders/:id", or a mapping of method, path, headers, baggage, trace-id';

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: "expected the name of a header" });
const headerValue = z
  .string({ error: textError })
  // What a header may hold: a tab, and of Latin-1 what can be printed.
  .regex(/^[\t\x20-\x7e\x80-\xff]*$/, { error: "expected a text of Latin-1 on one line" });

/** Headers by name. */
export const headersSchema = z.record(headerName, headerValue, { error: "expected a mapping of headers" });
export { headerName };

/** `POST /orders/:id`, or a mapping. */
export const httpMatchSchema = z.union(
  [
    z.string().transform((given, context): HttpMatch => {
      const [first = "", second, ...rest] = given.trim().split(/\s+/);
      const [method, path] = first.startsWith("/") ? [undefined, first] : [first, second];
      const isMethod = method === undefined || (METHODS.includes(method) && rest.length === 0);
      const isPath = path === undefined || (pathPattern.test(path) && (method !== undefined || !second));
      if (isMethod && isPath) return { method, path };
      context.addIssue({ code: "custom", message: httpError });
      return z.NEVER;
    }),
    fields({
      method: z.enum(METHODS, { error: methodError }).optional(),
      path: z.string({ error: pathError }).regex(pathPattern, { error: pathError }).optional(),
      headers: headersSchema.optional(),
      baggage: z
        .record(z.string().min(1), z.string({ error: textError }), { error: "expected a mapping of baggage" })
        .optional(),
      "trace-id": z
        .string({ error: "expected a trace id of 32 hex digits, in quotes" })
        .regex(/^[0-9a-f]{32}$/, { error: "expected a trace id of 32 hex digits" })
        .optional(),
    })
      .refine((given) => Object.values(given).some((part) => part !== undefined), { error: httpError })
      .transform(({ "trace-id": traceId, ...rest }): HttpMatch => ({ ...rest, traceId })),
  ],
  { error: httpError },
);

const statement = text('a piece of a statement such as "update stock"').max(10_000, {
  error: "expected at most 10000 characters",
});

/** `update stock`: found anywhere in a statement, in any case; `*` stands for anything. Or a mapping. */
export const statementMatchSchema = z.union(
  [statement, fields({ statement }).transform((given) => given.statement)],
  { error: 'expected a piece of a statement such as "update stock", or a mapping of statement' },
);
