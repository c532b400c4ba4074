import { setTimeout as sleep } from "node:timers/promises";
import { propagation, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Logger } from "pino";
import type { Channel, FinalStatus, Message, Messages } from "./messages.ts";

/**
 * Sends what is due on one channel, a few at a time, until each message is sent, skipped or refused:
 *
 *   claim ─▶ send ─▶ settled | due again later
 *
 * Each message has a lane of its own: one that hangs takes its lane with it and holds up no other.
 */
export interface Dispatch {
  readonly channel: Channel;
  /** Messages under way at once. */
  readonly lanes: number;
  /** Rejects when it is not known that the message got through: it will be sent again. */
  readonly send: (message: Message) => Promise<FinalStatus>;
}

const idleMs = 250;
/** Longer than a message with its deadlines takes; what a dead process was sending is due again after it. */
const leaseMs = 8_000;
const firstBackoffMs = 200;
const mostBackoffMs = 2_000;

export async function dispatch(
  { channel, lanes, send }: Dispatch,
  messages: Messages,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const inFlight = new Map<string, Promise<void>>();
  while (!signal.aborted) {
    const free = lanes - inFlight.size;
    let isMore = false;
    try {
      const claimed = await messages.claim(channel, free, leaseMs, [...inFlight.keys()]);
      isMore = claimed.length === free;
      for (const message of claimed)
        inFlight.set(
          message.eventId,
          attempt(message, send, messages, log).finally(() => inFlight.delete(message.eventId)),
        );
    } catch (error) {
      log.warn({ err: error, channel }, "messages could not be claimed");
    }
    if (inFlight.size >= lanes) await Promise.race(inFlight.values());
    else if (!isMore) await sleep(idleMs, undefined, { signal }).catch(() => undefined);
  }
}

/** One attempt, as a part of the trace in which the event was delivered. Never rejects. */
async function attempt(
  message: Message,
  send: Dispatch["send"],
  messages: Messages,
  log: Logger,
): Promise<void> {
  const { eventId, orderId, channel, traceparent, baggage } = message;
  const delivered = propagation.extract(ROOT_CONTEXT, {
    ...(traceparent !== null && { traceparent }),
    ...(baggage !== null && { baggage }),
  });
  const attributes = {
    "messaging.operation.type": "process",
    "messaging.message.id": eventId,
    "shop.order.id": orderId,
    "shop.channel": channel,
  };
  await trace
    .getTracer("notification")
    .startActiveSpan(
      "process order.confirmed",
      { kind: SpanKind.CONSUMER, attributes },
      delivered,
      async (span) => {
        try {
          await messages.settled(message, await send(message));
        } catch (error) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: "not sent yet" });
          log.warn({ err: error, eventId, orderId, channel }, "a message was not sent yet");
          await messages.postponed(message, firstBackoffMs, mostBackoffMs).catch((late: unknown) => {
            log.warn({ err: late, eventId, channel }, "a message is due again when its lease ends");
          });
        } finally {
          span.end();
        }
      },
    );
}
