import { SquallError, messageOf } from "../base/errors.ts";
import { z } from "zod";
import { nextLineHeader } from "./span-queue.ts";
import { receiverStatsSchema, type ReceiverStats } from "./receiver-tally.ts";
import { forwardStatsSchema, type ForwardStats } from "./span-forward.ts";

/** The engine's side of the receiver's control API. `receiver` is its base URL. */

const answerWithinMs = 5_000;

/**
 * Sends spans into a file from now on, appending; null drops them.
 * @param file absolute path, in a folder that exists
 * @throws {SQUALL_FILE} when the receiver cannot open the file
 * @throws {SQUALL_TIMEOUT} when it does not answer
 */
export async function setSink(receiver: string, file: string | null): Promise<void> {
  const response = await call(receiver, "/sink", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ file }),
  });
  if (!response.ok)
    throw new SquallError("SQUALL_FILE", `the span receiver cannot write ${file}: ${await response.text()}`);
  await response.body?.cancel();
}

/** Has spans wait from now on until they are fetched, for an engine that shares no disk with the receiver. @throws as {@link setSink} */
export async function openQueue(receiver: string, name: string): Promise<void> {
  const response = await call(receiver, "/sink", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ queue: name }),
  });
  if (!response.ok)
    throw new SquallError("SQUALL_FILE", `the span receiver opens no queue: ${await response.text()}`);
  await response.body?.cancel();
}

/** Lines of spans from a queue, whole. */
export interface FetchedLines {
  readonly lines: Buffer;
  /** What to ask for `after` once these are kept. */
  readonly next: number;
}

/**
 * Lines of a queue from number `after` on; those before it are forgotten there.
 * @returns nothing where the receiver has no such queue: it was started anew
 * @throws {SQUALL_TIMEOUT} when it does not answer, or not to the end
 */
export async function fetchLines(
  receiver: string,
  name: string,
  after: number,
  waitMs: number,
  signal?: AbortSignal,
): Promise<FetchedLines | undefined> {
  const query = new URLSearchParams({ name, after: String(after), wait: String(waitMs) });
  const response = await call(
    receiver,
    `/queue?${query.toString()}`,
    signal ? { signal } : {},
    waitMs + answerWithinMs,
  );
  const lines = Buffer.from(await wholeOf(receiver, response));
  if (response.status === 404) return undefined;
  if (!response.ok)
    throw new SquallError("SQUALL_TIMEOUT", `the span receiver at ${receiver} answered: ${lines.toString()}`);
  return { lines, next: Number(response.headers.get(nextLineHeader)) };
}

const endedSchema = z.object({ ended: forwardStatsSchema.nullable() });
/** What waits is given five seconds. */
const forwardEndWithinMs = 10_000;

/**
 * Passes on to another OTLP endpoint what comes from now on; null ends that.
 * @param to URL of the endpoint's traces
 * @returns what was forwarded to the endpoint before, if there was one
 * @throws {SQUALL_TIMEOUT} when the receiver does not answer
 */
export async function setForward(receiver: string, to: string | null): Promise<ForwardStats | undefined> {
  const init = {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ to }),
  };
  const response = await call(receiver, "/forward", init, forwardEndWithinMs);
  return endedSchema.parse(await response.json()).ended ?? undefined;
}

/** @throws {SQUALL_TIMEOUT} when the receiver does not answer */
export async function receiverStats(receiver: string): Promise<ReceiverStats> {
  return receiverStatsSchema.parse(await (await call(receiver, "/stats", {})).json());
}

/**
 * Returns when all spans received so far are on disk.
 * @throws {SQUALL_TIMEOUT} when the receiver does not answer
 */
export async function flushReceiver(receiver: string): Promise<void> {
  await (await call(receiver, "/flush", { method: "POST" })).body?.cancel();
}

async function wholeOf(receiver: string, response: Response): Promise<ArrayBuffer> {
  try {
    return await response.arrayBuffer();
  } catch (error) {
    throw unanswered(receiver, error);
  }
}

async function call(
  receiver: string,
  path: string,
  { signal, ...init }: RequestInit,
  withinMs = answerWithinMs,
): Promise<Response> {
  const signals = [AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])];
  try {
    return await fetch(`${receiver}${path}`, { ...init, signal: AbortSignal.any(signals) });
  } catch (error) {
    throw unanswered(receiver, error);
  }
}

function unanswered(receiver: string, cause: unknown): SquallError {
  return new SquallError(
    "SQUALL_TIMEOUT",
    `the span receiver at ${receiver} did not answer: ${messageOf(cause)}`,
    { cause },
  );
}
