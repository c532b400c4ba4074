/**
 * The resilience patterns, each by its name, and how a fleet is told which are on:
 *
 *   PATTERNS=full            all of them          PATTERNS=full,-breaker    all but one
 *   PATTERNS=none            bare                 PATTERNS=none,+timeouts   one alone
 *
 * One of the four choices, then any number of names added or taken away, from left to right.
 */
export const patternNames = [
  "timeouts",
  "deadlines",
  "retries",
  "budget",
  "hedging",
  "breaker",
  "bulkhead",
  "shedding",
  "fallback",
  "idempotency",
] as const;

export type Pattern = (typeof patternNames)[number];

/** The patterns that are on. */
export type Patterns = ReadonlySet<Pattern>;

/** Not a matter of load or time, but of right answers: on in every choice, and off only where taken away by name. */
const always = ["fallback", "idempotency"] as const satisfies readonly Pattern[];

const choices: ReadonlyMap<string, readonly Pattern[]> = new Map<string, readonly Pattern[]>([
  ["none", always],
  ["timeouts", [...always, "timeouts"]],
  ["retries", [...always, "timeouts", "retries"]],
  ["full", patternNames],
]);

/** @throws {UnknownPattern} naming everything that is not understood, and what would be */
export function parsePatterns(text: string): Patterns {
  const [choice = "", ...changes] = text.split(",").map((part) => part.trim());
  const chosen = choices.get(choice);
  const problems =
    chosen === undefined ? [`expected one of ${[...choices.keys()].join(", ")} first, got "${choice}"`] : [];
  const on = new Set(chosen);
  for (const change of changes) {
    const [sign, name] = [change.slice(0, 1), change.slice(1)];
    if ((sign !== "+" && sign !== "-") || !isPattern(name))
      problems.push(`expected + or - and one of ${patternNames.join(", ")}, got "${change}"`);
    else if (sign === "+") on.add(name);
    else on.delete(name);
  }
  if (problems.length > 0) throw new UnknownPattern(problems.join("; "));
  return on;
}

export class UnknownPattern extends Error {
  override readonly name = "UnknownPattern";
}

function isPattern(name: string): name is Pattern {
  return (patternNames as readonly string[]).includes(name);
}
