import { SquallError, messageOf } from "../base/errors.ts";
import { z } from "zod";
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

async function call(
  receiver: string,
  path: string,
  init: RequestInit,
  withinMs = answerWithinMs,
): Promise<Response> {
  try {
    return await fetch(`${receiver}${path}`, { ...init, signal: AbortSignal.timeout(withinMs) });
  } catch (error) {
    throw new SquallError(
      "SQUALL_TIMEOUT",
      `the span receiver at ${receiver} did not answer: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
