import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { numberFromEnvironment } from "./outside-server.ts";

const spread = 0.5;
const mostMs = 400;

/** Asked by those who watch, not by merchants. */
const promptRoutes: ReadonlySet<string | undefined> = new Set(["/ready", "/ledger"]);

export interface AnswerDelays {
  /** 0: no delay. */
  readonly medianMs: number;
  /** How long after its deed a late answer comes. */
  readonly lateMs: number;
  readonly seed: string;
}

/**
 * Makes a server answer as late as one far away that has work to do: what is asked is done at once, and the answer, also a
 * refusal, takes a time of its own.
 * @returns tells that the answer to a request is to be a late one
 */
export function delayAnswers(
  server: FastifyInstance,
  { medianMs, lateMs, seed }: AnswerDelays,
): (request: FastifyRequest) => void {
  const next = answerTimes(medianMs, seed);
  const late = new WeakSet<FastifyRequest>();
  const closing = new AbortController();
  server.addHook("preClose", async () => closing.abort());
  server.addHook("onSend", async (request, _reply, payload) => {
    if (promptRoutes.has(request.routeOptions.url)) return payload;
    const delayMs = late.has(request) ? lateMs : next();
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: closing.signal }).catch(() => undefined);
    return payload;
  });
  return (request) => void late.add(request);
}

/** By `ANSWER_MEDIAN_MS`, `LATE_ANSWER_MS` and `SEED`. */
export function delaysFromEnvironment(gateway: string, medianMs: number): AnswerDelays {
  return {
    medianMs: numberFromEnvironment("ANSWER_MEDIAN_MS", { most: mostMs, otherwise: medianMs }),
    lateMs: numberFromEnvironment("LATE_ANSWER_MS", { most: 600_000, otherwise: 5_000 }),
    seed: `${gateway}/${process.env["SEED"] ?? ""}`,
  };
}

/** Milliseconds, log-normal around the median, at most 400; the same sequence for the same seed. */
export function answerTimes(medianMs: number, seed: string): () => number {
  const random = randomOf(seed);
  return () => {
    // Box and Muller 1958; 1 - random() is never 0.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(mostMs, medianMs * Math.exp(spread * normal));
  };
}

/** Mulberry32 (T. Ettinger, 2017), begun where the seed's hash says. */
function randomOf(seed: string): () => number {
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
