import { SpanKind } from "@opentelemetry/api";
import type { Logger } from "pino";
import type { Callee } from "../service-kit/callee.ts";
import { Bell } from "./bell.ts";
import type { Delivery, Outbox } from "./outbox.ts";
import { inLinkedTrace } from "./trace-link.ts";

/**
 * Brings events from the outbox to their subscribers, at least once each; a subscriber knows an event by its id. Each
 * subscriber has a loop and deliveries of its own, so that a dead one holds up nobody else:
 *
 *   NOTIFY or a second gone by ─▶ claim ─▶ POST /events, a few at a time ─▶ delivered | due again later
 */
export interface Subscriber {
  readonly name: string;
  readonly callee: Callee;
}

const batchSize = 16;
const sweepEveryMs = 1_000;
const deadlineMs = 2_000;
/** Outlives a batch, whose deliveries have a deadline each. */
const leaseMs = 5_000;
const firstBackoffMs = 100;
const mostBackoffMs = 2_000;

/** Relays to one subscriber until the signal aborts. @param bell rung when there may be something to deliver */
export async function relay(
  outbox: Outbox,
  { name, callee }: Subscriber,
  bell: Bell,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const claimed = await outbox.claim(name, batchSize, leaseMs);
      const outcomes = await Promise.all(
        claimed.map(async (delivery) => ({
          eventId: delivery.eventId,
          isDelivered: await deliver(delivery, name, callee, log),
        })),
      );
      const idsOf = (isDelivered: boolean): string[] =>
        outcomes.filter((outcome) => outcome.isDelivered === isDelivered).map(({ eventId }) => eventId);
      await outbox.delivered(name, idsOf(true));
      await outbox.postponed(name, idsOf(false), firstBackoffMs, mostBackoffMs);
      if (claimed.length === batchSize) continue;
    } catch (error) {
      log.warn({ err: error, subscriber: name }, "the relay could not reach its outbox");
    }
    await bell.wait(sweepEveryMs);
  }
}

async function deliver(
  { eventId, type, orderId, payload, attempts, traceparent, baggage }: Delivery,
  subscriber: string,
  callee: Callee,
  log: Logger,
): Promise<boolean> {
  const attributes = {
    "messaging.operation.type": "send",
    "messaging.destination.name": subscriber,
    "messaging.message.id": eventId,
    "shop.order.id": orderId,
    "shop.event.attempts": attempts,
  };
  try {
    await inLinkedTrace(`send ${type}`, SpanKind.PRODUCER, { traceparent, baggage }, attributes, async () => {
      // Not tried again here: the outbox is what tries again.
      const request = { method: "POST", path: "/events", body: payload, deadlineMs } as const;
      const { status } = await callee.call({ ...request, isIdempotent: false });
      if (status < 200 || status >= 300) throw new Error(`${subscriber} answered ${status}`);
    });
    return true;
  } catch (error) {
    log.warn({ err: error, subscriber, eventId, orderId, attempts }, "an event was not delivered yet");
    return false;
  }
}

/** One bell for each loop, all rung together. */
export function startRelay(
  outbox: Outbox,
  subscribers: readonly Subscriber[],
  log: Logger,
  signal: AbortSignal,
): () => void {
  const bells = subscribers.map((subscriber) => {
    const bell = new Bell();
    void relay(outbox, subscriber, bell, log, signal);
    return bell;
  });
  return () => {
    for (const bell of bells) bell.ring();
  };
}
