import type { LogLine } from "./log-line.ts";

/**
 * What a message says whenever it is said: with everything masked that differs from one time to the next.
 *
 *   'order 7f3c… of "user-017" took 1.2 s'  →  'order <id> of "…" took <n>'
 *
 * It is the first step of Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017) and
 * only that one. Drain's second, which joins messages of the same length that share enough words, makes one pattern of
 * "refused by the gateway" and "accepted by the gateway", and what is sought here is the line that is new in a fault. So
 * what differs in a bare word is another pattern: better one line too many than one hidden.
 */
export function patternOf(message: string): string {
  return message
    .slice(0, mostLength)
    .replace(/\s+/g, " ")
    .trim()
    .replace(variable, (...found) => maskOf(found.at(-1) as Found))
    .replace(/(?:<n>|<id>)(?:-(?:<n>|<id>))+/g, "<id>")
    .replace(/(<n>|<id>|"…"|'…')(?:[,;] ?\1)+/g, "$1, …")
    .slice(0, mostPatternLength);
}

/** Of a message: what comes behind is not looked at. */
const mostLength = 4_000;
const mostPatternLength = 300;

/**
 * At each place the first that fits. An HTTP status stays, where the word before it says that it is one: a 503 where there
 * were 404 is news.
 */
const variable = new RegExp(
  [
    /(?<quoted>"(?:[^"\\]|\\.)*"|`[^`]*`|(?<![A-Za-z])'[^']*'(?![A-Za-z]))/,
    /(?<kept>(?<=\b(?:answered|status|code|HTTP)[ :=]{1,2})[1-5]\d\d(?![\w.]))/,
    /(?<address>(?<![\w.+-])[\w.+-]+@[\w.-]*\w)/,
    /(?<uuid>(?<!\w)[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}(?!\w))/,
    /(?<time>(?<!\w)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?(?!\w))/,
    /(?<number>(?<![\w.])[-+]?\d+(?:[.,:/]\d+)*(?: ?(?:%|µs|us|ms|s|min|h|B|[KMG]i?B))?(?!\w))/,
    /(?<word>(?<!\w)[A-Za-z_]*\d\w*)/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "gi",
);

type Found = Readonly<
  Partial<Record<"quoted" | "kept" | "address" | "uuid" | "time" | "number" | "word", string>>
>;

function maskOf({ quoted, kept, address, uuid, time, number, word = "" }: Found): string {
  if (quoted !== undefined) return quoted.startsWith("'") ? "'…'" : '"…"';
  if (kept !== undefined) return kept;
  if (address !== undefined) return "<address>";
  if (uuid !== undefined) return "<id>";
  if (time !== undefined) return "<time>";
  if (number !== undefined) return "<n>";
  // "worker12" is the twelfth worker; "k3x9q" and whatever is longer is a name that was made up.
  const numbered = /^([a-z_]*)\d+$/i.exec(word);
  return numbered && word.length <= 12 ? `${numbered[1]}<n>` : "<id>";
}

/** What makes two lines the same: the same words of another service, or at another level, are another thing. */
export function patternKeyOf({ service, level, message }: LogLine): string {
  return `${service}\t${level ?? ""}\t${patternOf(message)}`;
}
