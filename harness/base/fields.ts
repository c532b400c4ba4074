import { z } from "zod";
import { parseEdge, type Edge } from "./edge.ts";
import { unknownName } from "./nearest.ts";
import {
  formatDuration,
  formatSize,
  parseByteRatePerSecond,
  parseDurationMs,
  parseRatePerSecond,
  parseRatio,
  parseSizeBytes,
} from "./units.ts";

export { unknownName };

/**
 * The fields documents are made of: strict mappings, names, and quantities that carry their unit. Each takes what the
 * user wrote and gives what code holds, so that a document is parsed once, at the edge.
 *
 * A message that starts with "expected" says only what was expected: the document's reader adds what was given.
 */

/** A mapping that refuses keys it does not know, naming the nearest one it does; one line of message for each. */
export function fields<T extends z.core.$ZodLooseShape>(shape: T) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys")
        return issue.keys.map((key) => unknownName("key", key, known)).join("\n");
      return undefined;
    },
  });
}

/**
 * A mapping with exactly one of the given keys; gives that key's value. A list of these reads as a list of sentences:
 * `- latency: {...}`.
 */
export function oneKeyOf<T extends Readonly<Record<string, z.ZodType>>>(members: T) {
  const shape = Object.fromEntries(Object.entries(members).map(([key, member]) => [key, member.optional()]));
  return fields(shape).transform((value, context): z.output<T[keyof T]> => {
    if (context.issues.length > 0) return z.NEVER; // an unknown key is problem enough
    const given = Object.values(value).filter((member) => member !== undefined);
    if (given.length !== 1) {
      context.addIssue({
        code: "custom",
        message: `expected exactly one of ${Object.keys(members).join(", ")}`,
      });
      return z.NEVER;
    }
    return given[0] as z.output<T[keyof T]>;
  });
}

/** One name out of a list that the rest of the document, or another one, defines. */
export function nameOf(what: string, known: readonly string[] | undefined) {
  return text(`the name of ${an(what)}`).superRefine((name, context) => {
    if (known !== undefined && !known.includes(name))
      context.addIssue({ code: "custom", message: unknownName(what, name, known) });
  });
}

/** A text that is not empty. */
export function text(what: string) {
  return z
    .string({ error: `expected ${what}` })
    .trim()
    .min(1, { error: `expected ${what}` });
}

/** The name of a part, a journey, an observation: lower case, digits and hyphens, as it is written everywhere. */
export const nameSchema = z
  .string({ error: "expected a name" })
  .regex(/^[a-z][a-z0-9-]*$/, { error: "expected a name of lower-case letters, digits and hyphens" });

interface Bounds {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** "200ms" -> milliseconds. */
export function duration(bounds: Bounds = {}) {
  return quantity('a duration such as "200ms"', parseDurationMs, formatDuration, bounds);
}

/** "64KB" -> bytes. */
export function size(bounds: Bounds = {}) {
  return quantity('a size such as "64KB"', parseSizeBytes, formatSize, bounds);
}

/** "60/s" -> events per second. */
export function rate(bounds: Bounds = {}) {
  return quantity('a rate such as "60/s"', parseRatePerSecond, (value) => `${value}/s`, bounds);
}

/** "100KB/s" -> bytes per second. */
export function byteRate(bounds: Bounds = {}) {
  return quantity(
    'a data rate such as "100KB/s"',
    parseByteRatePerSecond,
    (value) => `${formatSize(value)}/s`,
    bounds,
  );
}

/** "99%" -> a ratio in [0, 1]. */
export function ratio(bounds: Bounds = {}) {
  return quantity('a share from "0%" to "100%"', parseRatio, (value) => `${value * 100}%`, bounds);
}

/** "order -> payment", which must be one of `known` where that is given. */
export function edge(known: readonly Edge[] | undefined) {
  const names = known?.map(({ caller, callee }) => `${caller} -> ${callee}`);
  const expected = 'expected an edge such as "order -> payment"';
  return z.string({ error: expected }).transform((given, context): Edge => {
    const parsed = parseEdge(given);
    if (parsed === undefined) {
      context.addIssue({ code: "custom", message: expected });
      return z.NEVER;
    }
    const name = `${parsed.caller} -> ${parsed.callee}`;
    if (names !== undefined && !names.includes(name))
      context.addIssue({ code: "custom", message: unknownName("edge", name, names) });
    return parsed;
  });
}

function quantity(
  expected: string,
  parse: (text: string) => number | undefined,
  format: (value: number) => string,
  { atLeast, atMost }: Bounds,
) {
  return z.string({ error: `expected ${expected}` }).transform((given, context): number => {
    const value = parse(given);
    if (value === undefined) {
      context.addIssue({ code: "custom", message: `expected ${expected}` });
      return z.NEVER;
    }
    if ((atLeast !== undefined && value < atLeast) || (atMost !== undefined && value > atMost)) {
      const bounds = [
        ...(atLeast === undefined ? [] : [`at least ${format(atLeast)}`]),
        ...(atMost === undefined ? [] : [`at most ${format(atMost)}`]),
      ].join(" and ");
      context.addIssue({ code: "custom", message: `expected ${bounds}` });
    }
    return value;
  });
}

function an(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
