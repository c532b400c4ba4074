import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { pipeline } from "node:stream";
import { constants, createGunzip, gzipSync } from "node:zlib";
import { z } from "zod";
import { SquallError, messageOf, systemErrorCode } from "../base/errors.ts";
import { jsonIn } from "../base/json.ts";

/**
 * What a run's targets said of themselves: `metrics/scrapes.jsonl.gz`, one line a scrape, with the target's answer as it
 * came. Nothing is read into it while the run goes on; `harness/observe/recorded-metrics.ts` does that afterwards.
 *
 *   scrape ─append→ a gzip member of its own ─┬→ zcat reads them all, one after the other
 *                                             └→ what a crash cuts is the last one
 */

const target = { job: z.string(), instance: z.string() };
/** When the scrape began, epoch milliseconds, and how long it took. */
const times = { atMs: z.number(), durationMs: z.number() };

export const metricsLineSchema = z.discriminatedUnion("event", [
  /** The first line. */
  z.object({
    event: z.literal("recording-began"),
    version: z.literal(1),
    run: z.string(),
    everyMs: z.number(),
  }),
  z.object({
    event: z.literal("scraped"),
    ...target,
    ...times,
    contentType: z.string(),
    /** An exposition of metrics: Prometheus' text format or OpenMetrics, by its content type. */
    body: z.string(),
  }),
  z.object({ event: z.literal("scrape-failed"), ...target, ...times, message: z.string() }),
  /** The last line of a file that took no more. */
  z.object({ event: z.literal("recording-full"), atMs: z.number(), limitBytes: z.number() }),
]);
export type MetricsLine = Readonly<z.output<typeof metricsLineSchema>>;

/** The shop takes 35 KB a second: an hour of it is a fourth of this. */
export const metricsLimitBytes = 500_000_000;

export interface MetricsLog extends Disposable {
  /** When this returns the line is in the file: what a crash of the process cannot take away. */
  append(line: MetricsLine): void;
  /** Of the file, so far. */
  readonly sizeBytes: number;
  /** Why lines were not written: the last reason. */
  readonly problem: string | undefined;
}

/**
 * Half the processor time of the usual level, for files a seventh larger; and so little memory that the system does not
 * hand out fresh pages for each line, which a line of an exposition, so alike in itself, packs no worse for.
 */
const packing = { level: constants.Z_BEST_SPEED, windowBits: 13, memLevel: 6 } as const;

/**
 * Opens a metrics log for appending.
 * @param limitBytes when the file has grown so large it takes no more. @default {@link metricsLimitBytes}
 * @throws {SQUALL_FILE} when the file cannot be opened
 */
export function openMetricsLog(file: string, limitBytes = metricsLimitBytes): MetricsLog {
  let descriptor: number;
  try {
    descriptor = openSync(file, "a");
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `cannot open ${file} for writing: ${messageOf(error)}`, {
      cause: error,
    });
  }
  let sizeBytes = 0;
  let problem: string | undefined;
  let isFull = false;

  /** For one line after the other: what is packed is not to be garbage too. */
  let line = Buffer.alloc(0);
  const write = (told: MetricsLine): void => {
    const text = JSON.stringify(told);
    const textBytes = Buffer.byteLength(text);
    if (textBytes >= line.length) line = Buffer.allocUnsafeSlow(2 * textBytes);
    line.write(text);
    line[textBytes] = lineFeed;
    const member = gzipSync(line.subarray(0, textBytes + 1), packing);
    writeSync(descriptor, member);
    sizeBytes += member.length;
  };

  return {
    append(line) {
      if (isFull) return;
      try {
        if (sizeBytes < limitBytes) return write(line);
        isFull = true;
        problem = `the file of metrics took no more than ${limitBytes} bytes`;
        write({ event: "recording-full", atMs: "atMs" in line ? line.atMs : 0, limitBytes });
      } catch (error) {
        problem = messageOf(error);
      }
    },
    get sizeBytes() {
      return sizeBytes;
    },
    get problem() {
      return problem;
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** What of a metrics log could not be read. */
export interface MetricsLoss {
  readonly invalidLines: number;
  /** Whether the file's end was cut off, as by a crash, or is broken. */
  readonly isCut: boolean;
}

/** Of a file that is broken, as much as this before the broken place may be lost. */
const chunkBytes = 1 << 16;
const lineFeed = 0x0a;

/**
 * The lines of a metrics log, one after the other, up to where a crash cut it. A file that does not exist has none.
 * @returns what was left out, when all is read
 * @throws {SQUALL_FILE} when the file exists and cannot be read
 */
export async function* readMetricsLog(file: string): AsyncGenerator<MetricsLine, MetricsLoss> {
  let invalidLines = 0;
  let rest: Buffer[] = [];
  // What is left of a member that was cut is given out, and is then a line without an end.
  const unpacked = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: chunkBytes });
  const source = createReadStream(file, { highWaterMark: chunkBytes });
  pipeline(source, unpacked, () => undefined); // told by what is read from it
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
        const text = Buffer.concat([...rest, chunk.subarray(start, end)]).toString("utf8");
        rest = [];
        start = end + 1;
        const { success, data } = metricsLineSchema.safeParse(jsonIn(text));
        if (success) yield data;
        else invalidLines += 1;
      }
      if (start < chunk.length) rest.push(chunk.subarray(start));
    }
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return { invalidLines, isCut: false };
    if (systemErrorCode(error)?.startsWith("Z_") !== true)
      throw new SquallError("SQUALL_FILE", `cannot read ${file}: ${messageOf(error)}`, { cause: error });
    return { invalidLines, isCut: true };
  }
  return { invalidLines, isCut: rest.length > 0 };
}
