import { appendFileSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { waitAtMost } from "../base/wait.ts";
import { fetchLines, openQueue, setSink } from "./receiver-client.ts";

/** Fetches spans from a receiver that shares no disk with us, into a file, until it is disposed of. */
export interface QueueReader extends AsyncDisposable {
  /**
   * Waits until all that the receiver has is in the file, some seconds at most.
   * @returns what was lost, or may have been, in words; nothing when nothing was
   */
  settle(): Promise<readonly string[]>;
}

export interface QueueReaderOptions {
  /** Base URL of the receiver. */
  readonly receiver: string;
  /** Of the queue: no two runs have the same. */
  readonly name: string;
  readonly file: string;
  /** Before it is asked again after it did not answer. @default 250 ms */
  readonly pauseMs?: number;
  /** How long `settle` tries. @default 10 s */
  readonly settleWithinMs?: number;
}

const longestWaitMs = 1_000;

/** @throws {SQUALL_TIMEOUT} when the receiver does not answer at first; later it is asked again and again */
export async function readQueue(options: QueueReaderOptions): Promise<QueueReader> {
  const { receiver, name, file, pauseMs = 250, settleWithinMs = 10_000 } = options;
  const lost: string[] = [];
  const over = new AbortController();
  let after = 0;
  /** Why it could not be fetched, the last time; absent when it could. */
  let problem: unknown;

  await openQueue(receiver, name);
  const reading = keepReading();
  return {
    async settle() {
      await stop();
      const end = { what: "the spans that wait", withinMs: settleWithinMs, everyMs: pauseMs };
      const isEmpty = await waitAtMost(end, async () => {
        while ((await take(0)) > 0);
        return problem === undefined;
      });
      return isEmpty
        ? lost
        : [...lost, `spans that the receiver has were not fetched: ${messageOf(problem)}`];
    },
    async [Symbol.asyncDispose]() {
      await stop();
      // A receiver that is gone has nothing that could be closed.
      await setSink(receiver, null).catch(() => undefined);
    },
  };

  async function keepReading(): Promise<void> {
    while (!over.signal.aborted) {
      await take(longestWaitMs, over.signal);
      if (problem !== undefined) await systemClock.sleep(pauseMs, over.signal).catch(() => undefined);
    }
  }

  async function stop(): Promise<void> {
    over.abort();
    await reading;
  }

  /** Never fails: what could not be fetched, or not be written, is fetched again. @returns how many bytes came */
  async function take(waitMs: number, signal?: AbortSignal): Promise<number> {
    try {
      const fetched = await fetchLines(receiver, name, after, waitMs, signal);
      if (fetched === undefined) return await beginAgain();
      appendFileSync(file, fetched.lines);
      after = fetched.next;
      problem = undefined;
      return fetched.lines.length;
    } catch (error) {
      problem = error;
      return 0;
    }
  }

  async function beginAgain(): Promise<number> {
    await openQueue(receiver, name);
    lost.push("the span receiver was started anew: spans that it had not handed over are lost");
    after = 0;
    problem = undefined;
    return 0;
  }
}
