import { z } from "zod";
import { fields } from "../../base/fields.ts";
import type { Call } from "../call-fault.ts";
import { plainText, StatementCall } from "./statement.ts";

const error = 'expected a part of a statement such as "update stock set"';
const pattern = z.string({ error }).trim().min(1, { error }).max(10_000, { error });

/** What statements are matched by: a part of them, or the same as `statement` of an object. */
export const statementMatch = z.union([pattern, fields({ statement: pattern })], {
  error: `${error} or {"statement": ...}`,
});

/** The part that a match looks for. */
export function patternOf(match: unknown): string {
  const given = statementMatch.parse(match);
  return typeof given === "string" ? given : given.statement;
}

/**
 * Whether a statement has a part in it: in any case, any run of white space as good as any other, `*` for anything.
 * A statement whose text is not known has none.
 */
export function statementMatcher(match: unknown): (call: Call) => boolean {
  const parts = plainText(patternOf(match)).split("*");
  return (call) => {
    const text = call instanceof StatementCall ? call.statement?.plain : undefined;
    return text !== undefined && hasInOrder(text, parts);
  };
}

/** The leftmost place of each part leaves the most room for the next, so one pass decides. */
function hasInOrder(text: string, parts: readonly string[]): boolean {
  let from = 0;
  return parts.every((part) => {
    const at = text.indexOf(part, from);
    from = at + part.length;
    return at >= 0;
  });
}
