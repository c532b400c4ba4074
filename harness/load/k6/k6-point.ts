import { z } from "zod";
import { jsonIn } from "../../base/json.ts";

/** One point of k6's JSON output: a value of a metric, its tags, and metadata (what is too varied to be a tag). */
export interface K6Point {
  readonly metric: string;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Times are in milliseconds. */
  readonly value: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const texts = z.record(z.string(), z.coerce.string()).nullish();
const lineSchema = z.object({
  metric: z.string(),
  type: z.literal("Point"),
  data: z.object({ time: z.string(), value: z.number(), tags: texts, metadata: texts }),
});

/** Most lines are of metrics that nobody here asks for; they are not worth a parser's time. */
const unasked = /^\{"metric":"(?:data_\w+|vus\w*|http_reqs|http_req_(?!duration|blocked)\w+|iterations)"/;

/**
 * Reads a line of what k6 writes with `--out json=-`.
 * @returns undefined where it is no point, or of a metric that is not asked for: k6 writes its summary there, too
 */
export function readK6Point(line: string): K6Point | undefined {
  if (!line.startsWith("{") || unasked.test(line)) return undefined;
  const parsed = lineSchema.safeParse(jsonIn(line));
  if (!parsed.success) return undefined;
  const { metric, data } = parsed.data;
  return {
    metric,
    atMs: epochMs(data.time),
    value: data.value,
    tags: data.tags ?? {},
    metadata: data.metadata ?? {},
  };
}

/** RFC 3339 with up to nine digits of a second, of which `Date` would keep three. */
function epochMs(time: string): number {
  const [, whole = time, fraction = "", zone = ""] = /^([^.]+?)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(time) ?? [];
  return Date.parse(whole + zone) + Number(`0${fraction}`) * 1_000;
}
