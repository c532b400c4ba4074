import { setTimeout as sleep } from "node:timers/promises";
import { propagation, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Logger } from "pino";
import { Pace } from "../service-kit/pace.ts";
import { pause } from "../service-kit/pause.ts";
import { processSpan } from "../service-kit/tracing/messaging.ts";
import { orderIdAttribute } from "../service-kit/tracing/order-span.ts";
import type { Channel, Message, Outcome, Send } from "./message.ts";
import type { MessageCounts } from "./message-metrics.ts";
import type { Messages } from "./messages.ts";

/**
 * Sends what is due on one channel, a few at a time, until each message is sent, skipped or dead:
 *
 *   claim ─▶ send ─▶ sent | skipped | dead
 *     ▲        └──▶ failed, held ─▶ due again later
 *     └──────────────────────────────────┘
 *
 * Any number of replicas may do so: a claim is a lease, and who loses it can no longer say how it ended. Each message has
 * a lane of its own: one that hangs takes its lane with it and holds up no other, but later ones of its order. While
 * nothing gets through, a single one is tried now and then, however many wait: a server that is down is not stormed.
 */
export interface Dispatch {
  readonly channel: Channel;
  /** Messages under way at once. */
  readonly lanes: number;
  /** What fails so often is given up. */
  readonly maxAttempts: number;
  readonly send: Send;
  readonly messages: Messages;
  readonly counts: MessageCounts;
  readonly log: Logger;
}

const idleMs = 250;
/** Longer than a message with its deadlines takes; what a dead process was sending is due again after it. */
const leaseMs = 8_000;
const backoff = { firstMs: 200, mostMs: 5_000 } as const;
const heldMs = 500;
const writeAgainMs = 250;
const pauses = { firstPauseMs: 100, mostPauseMs: 1_000 } as const;

/** Works until the signal aborts, and then ends what is under way. */
export async function dispatch(options: Dispatch, signal: AbortSignal): Promise<void> {
  const { channel, lanes, messages, log } = options;
  const pace = new Pace({ lanes, ...pauses });
  const inFlight = new Map<string, Promise<void>>();
  while (!signal.aborted) {
    const room = Math.min(pace.room(0), lanes - inFlight.size);
    let isMore = false;
    try {
      const claimed = room === 0 ? [] : await messages.claim(channel, room, leaseMs, [...inFlight.keys()]);
      isMore = room > 1 && claimed.length === room;
      for (const message of claimed)
        inFlight.set(
          message.eventId,
          attempt(message, options, pace).finally(() => inFlight.delete(message.eventId)),
        );
    } catch (error) {
      log.warn({ err: error, channel }, "messages could not be claimed");
    }
    if (inFlight.size >= lanes) await Promise.race(inFlight.values());
    else if (!isMore) await pause(idleMs, signal);
  }
  await Promise.all(inFlight.values());
}

/** One attempt, as a part of the trace in which the event was delivered. Never rejects. */
async function attempt(message: Message, options: Dispatch, pace: Pace): Promise<void> {
  const { eventId, orderId, type, channel, attempts, traceparent, baggage } = message;
  const leaseEndsMs = performance.now() + leaseMs;
  const { log } = options;
  const delivered = propagation.extract(ROOT_CONTEXT, {
    ...(traceparent !== null && { traceparent }),
    ...(baggage !== null && { baggage }),
  });
  const told = processSpan({ id: eventId, type, destination: channel, attempts });
  const attributes = { ...told.attributes, [orderIdAttribute]: orderId, "shop.channel": channel };
  await trace
    .getTracer("notification")
    .startActiveSpan(told.name, { kind: told.kind, attributes }, delivered, async (span) => {
      try {
        const outcome = await outcomeOf(message, options);
        // What is skipped says nothing of who would have taken it.
        if (outcome.kind === "failed" || outcome.kind === "held") pace.troubled();
        else if (outcome.kind !== "skipped") pace.answered();
        span.setAttribute("shop.outcome", outcome.kind);
        if ("why" in outcome) span.setAttribute("shop.reason", outcome.why);
        if (outcome.kind === "failed" || outcome.kind === "refused")
          span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.why });
        await written(() => conclude(message, outcome, options), leaseEndsMs, log);
      } catch (error) {
        log.warn({ err: error, eventId, channel }, "a message is due again when its lease ends");
      } finally {
        span.end();
      }
    });
}

async function outcomeOf(message: Message, { send, maxAttempts, log }: Dispatch): Promise<Outcome> {
  // Its process died with it each time: it may be the cause.
  if (message.attempts > maxAttempts) return { kind: "refused", why: "no attempt was heard to end" };
  try {
    return await send(message);
  } catch (error) {
    log.error(
      { err: error, eventId: message.eventId, channel: message.channel },
      "a message was not understood",
    );
    return { kind: "failed", why: "internal" };
  }
}

async function conclude(message: Message, outcome: Outcome, options: Dispatch): Promise<void> {
  const { messages, counts, maxAttempts, log } = options;
  const { channel, attempts } = message;
  const about = { eventId: message.eventId, orderId: message.orderId, channel, attempts };
  switch (outcome.kind) {
    case "sent":
      if (await messages.settled(message, "sent")) counts.sent(channel);
      return;
    case "skipped":
      if (await messages.settled(message, "skipped")) counts.skipped(channel);
      return;
    case "held":
      log.info({ ...about, why: outcome.why }, "a message has to wait");
      return messages.held(message, heldMs);
    case "failed":
      if (attempts >= maxAttempts) return died("attempts", outcome.why);
      log.warn({ ...about, why: outcome.why }, "a message was not sent yet");
      await messages.postponed(message, backoff);
      return counts.retried(channel);
    case "refused":
      return died("refused", outcome.why);
  }

  async function died(of: "refused" | "attempts", why: string): Promise<void> {
    if (!(await messages.died(message, why))) return;
    log.error({ ...about, why }, "a message was given up: it is a dead letter");
    counts.dead(channel, of);
  }
}

/**
 * Writes down how an attempt ended, again and again while the database does not answer and the message is still ours: a mail
 * that was sent and not written down is sent twice.
 */
async function written(write: () => Promise<void>, untilMs: number, log: Logger): Promise<void> {
  for (;;)
    try {
      return await write();
    } catch (error) {
      if (performance.now() + writeAgainMs >= untilMs) throw error;
      log.info({ err: error }, "how a message ended could not be written down yet");
      await sleep(writeAgainMs);
    }
}
