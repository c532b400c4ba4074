import type { z } from "zod";
import { messageOf } from "../base/errors.ts";
import { ApiError } from "./api-error.ts";

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
  return parseValue(schema, given);
}

/** As {@link parseBody}, for a part of a body. @param under path of that part: `["attributes"]` */
export function parseValue<T>(schema: z.ZodType<T>, given: unknown, under: readonly PropertyKey[] = []): T {
  const result = schema.safeParse(given, { reportInput: true });
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, [...under, ...issue.path]));
  throw new ApiError(400, [...new Set(problems)].join("; "));
}

function describeIssue(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): readonly string[] {
  if (issue.code === "unrecognized_keys")
    return issue.message.split("\n").map((message) => problem(path, message));
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
  return [problem(path, `${message}, got ${JSON.stringify(issue.input) ?? "nothing"}`)];
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return issue.input === undefined || issue.input === "";
}

/** ": expected a whole number of KB/s from 1 to 1000000000" */
function expectation(issue: z.core.$ZodIssue): string {
  return issue.message.startsWith("expected") ? `, ${issue.message}` : "";
}

function problem(path: readonly PropertyKey[], message: string): string {
  return `bad request body: ${path.length === 0 ? "" : `${formatPath(path)}: `}${message}`;
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
