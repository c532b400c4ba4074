import { METHODS } from "../../base/node-http.ts";
import { z } from "zod";
import { fields } from "../../base/fields.ts";
import type { HttpCall } from "./http-call.ts";

const matchError = 'expected a match such as "POST /orders/:id", "/orders/*" or "GET"';
const methodError = `expected one of ${METHODS.join(", ")}`;
const pathError = 'expected a path without query such as "/orders/:id" or "/orders/*"';
const textError = "expected a text";
const mappingError = "expected a mapping of names to texts";

const texts = z.record(z.string(), z.string({ error: textError }), { error: mappingError });
const path = z.string({ error: pathError }).regex(/^(?:\/[^\s?#]*|\*)$/, { error: pathError });

const partsSchema = fields({
  method: z.enum(METHODS, { error: methodError }).optional(),
  path: path.optional(),
  headers: texts.optional(),
  baggage: texts.optional(),
  trace_id: z
    .string()
    .regex(/^[0-9a-f]{32}$/, { error: "expected 32 hexadecimal digits" })
    .optional(),
});

type Parts = z.output<typeof partsSchema>;

/** Calls of HTTP in words, or by their parts; every part that is given must fit. */
export const httpMatch = z.unknown().superRefine((given, context) => {
  if (typeof given === "object" && given !== null) {
    const { error } = partsSchema.safeParse(given, { reportInput: true });
    for (const issue of error?.issues ?? []) context.addIssue({ ...issue });
  } else if (typeof given !== "string" || partsOfText(given) === undefined)
    context.addIssue({ code: "custom", message: matchError, input: given });
});

/** The template or path that a match names, to stand for its calls. */
export function routeOf(match: unknown): string | undefined {
  return match === undefined ? undefined : partsOf(match).path;
}

/** @param match as {@link httpMatch} gave it */
export function httpMatcher(match: unknown): (call: HttpCall) => boolean {
  const { method, path, headers = {}, baggage = {}, trace_id } = partsOf(match);
  const isPath = path === undefined ? undefined : pathMatcher(path);
  const wantedHeaders = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const wantedBaggage = Object.entries(baggage);
  return (call) =>
    (method === undefined || call.method === method) &&
    (isPath === undefined || isPath(call.path)) &&
    wantedHeaders.every(([name, value]) => call.header(name) === value) &&
    wantedBaggage.every(([key, value]) => call.baggage.get(key) === value) &&
    (trace_id === undefined || call.traceId === trace_id);
}

function partsOf(match: unknown): Parts {
  return typeof match === "string" ? (partsOfText(match) ?? {}) : partsSchema.parse(match);
}

function partsOfText(text: string): Parts | undefined {
  const [first = "", second, ...more] = text.split(" ");
  const method = METHODS.find((known) => known === first);
  const given = method === undefined ? first : second;
  if ((method === undefined && second !== undefined) || more.length > 0) return undefined;
  if (given === undefined) return { method };
  return path.safeParse(given).success ? { method, path: given } : undefined;
}

/** `:name` is one segment, a `*` at the end any rest; else the path is just that. */
function pathMatcher(template: string): (path: string) => boolean {
  if (template === "*") return (path) => path === "*";
  const isPrefix = template.endsWith("*");
  const fixed = isPrefix ? template.slice(0, -1) : template;
  const wanted = fixed.split("/");
  return (path) => {
    const given = path.split("/");
    if (isPrefix ? given.length < wanted.length : given.length !== wanted.length) return false;
    return wanted.every((segment, index) => {
      const other = given[index] ?? "";
      if (/^:./.test(segment)) return other !== "";
      return isPrefix && index === wanted.length - 1 ? other.startsWith(segment) : other === segment;
    });
  };
}
