import type { z } from "zod";
import { messageOf } from "../base/errors.ts";
import { ApiError } from "./api-error.ts";

/** No body that means something is nested deeper; a deeper one would exhaust the stack of those who look into it. */
const deepest = 32;

/** An error names this many problems, and of each this many characters. */
const mostProblems = 20;
const longestProblem = 300;

/**
 * Parses a request's JSON body, whatever its content type says.
 * @throws {ApiError} 400 naming every problem: the field, what was expected, what was given
 */
export function parseBody<T>(schema: z.ZodType<T>, body: string): T {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch (error) {
    throw new ApiError(400, `bad request body: ${messageOf(error)}`);
  }
  if (isTooDeep(given)) throw new ApiError(400, `bad request body: nested deeper than ${deepest} levels`);
  return parsePart(schema, given, "body");
}

/** As {@link parseBody}, for what the address says behind the question mark. */
export function parseQuery<T>(schema: z.ZodType<T>, query: URLSearchParams): T {
  return parsePart(schema, Object.fromEntries(query), "query");
}

/** As {@link parseBody}, for a value made from several. @param under path of the part it is: `["attributes"]` */
export function parseValue<T>(schema: z.ZodType<T>, given: unknown, under: readonly PropertyKey[]): T {
  return parsePart(schema, given, "body", under);
}

function parsePart<T>(
  schema: z.ZodType<T>,
  given: unknown,
  part: "body" | "query",
  under: readonly PropertyKey[] = [],
): T {
  const result = schema.safeParse(given, { reportInput: true });
  if (result.success) return result.data;
  const all = new Set(
    result.error.issues.flatMap((issue) => describeIssue(issue, part, [...under, ...issue.path])),
  );
  const told = [...all].slice(0, mostProblems).map((text) => cut(text, longestProblem));
  if (all.size > mostProblems) told.push(`and ${all.size - mostProblems} more`);
  throw new ApiError(400, told.join("; "));
}

function isTooDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepest) return true;
    level = level.flatMap((member) =>
      typeof member === "object" && member !== null ? (Object.values(member) as unknown[]) : [],
    );
  }
  return false;
}

function describeIssue(
  issue: z.core.$ZodIssue,
  part: string,
  path: readonly PropertyKey[],
): readonly string[] {
  const problem = (message: string): string =>
    `bad request ${part}: ${path.length === 0 ? "" : `${formatPath(path)}: `}${message}`;
  if (issue.code === "unrecognized_keys")
    return issue.message.split("\n", mostProblems + 1).map((message) => problem(message));
  // Toxiproxy's own text, where the request is one of Toxiproxy's.
  if (issue.code === "custom" && issue.params?.["isSentence"] === true)
    return [path.length === 1 ? issue.message : problem(issue.message)];
  if (isMissing(issue) && path.length > 0) {
    const [index] = path;
    const place = typeof index === "number" ? ` at proxy ${index + 1}` : "";
    const field = typeof index === "number" ? path.slice(1) : path;
    return [`missing required field: ${formatPath(field)}${place}${expectation(issue)}`];
  }
  const message =
    issue.code === "invalid_type" && !issue.message.startsWith("expected")
      ? `expected ${article(issue.expected)}`
      : issue.message;
  return [problem(`${message}, got ${cut(JSON.stringify(issue.input) ?? "nothing", longestProblem / 3)}`)];
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.input === undefined || issue.input === "";
}

/** ": expected a whole number of KB/s from 1 to 1000000000" */
function expectation(issue: z.core.$ZodIssue): string {
  return issue.message.startsWith("expected") ? `, ${issue.message}` : "";
}

/** `[0, "listen"]` -> "[0].listen" */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((segment) => (typeof segment === "number" ? `[${segment}]` : `.${String(segment)}`))
    .join("")
    .replace(/^\./, "");
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
