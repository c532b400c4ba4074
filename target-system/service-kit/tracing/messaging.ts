import { SpanKind, type Attributes } from "@opentelemetry/api";

/**
 * How a message is told of in a trace: the names of OpenTelemetry's conventions for messaging, which are still being
 * developed (opentelemetry.io/docs/specs/semconv/messaging/messaging-spans, 1.37). No other module knows them.
 *
 *   request ┄link┄ send (producer) ─▶ POST /events ─▶ … process (consumer)
 *
 * A message is sent in a trace of its own, which links to the one in which it was written down.
 */
export interface MessageSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

export interface TracedMessage {
  readonly id: string;
  /** What it tells: "order.confirmed". */
  readonly type: string;
  /** Who is to have it: a subscriber, a channel. */
  readonly destination: string;
  /** This one included. */
  readonly attempts: number;
}

/** Of bringing a message to whom it is for. */
export function sendSpan(message: TracedMessage): MessageSpan {
  return messageSpan("send", SpanKind.PRODUCER, message);
}

/** Of doing what a message leads to. */
export function processSpan(message: TracedMessage): MessageSpan {
  return messageSpan("process", SpanKind.CONSUMER, message);
}

function messageSpan(
  operation: "send" | "process",
  kind: SpanKind,
  { id, type, destination, attempts }: TracedMessage,
): MessageSpan {
  return {
    name: `${operation} ${type}`,
    kind,
    attributes: {
      "messaging.system": "outbox",
      "messaging.operation.name": operation,
      "messaging.operation.type": operation,
      "messaging.destination.name": destination,
      "messaging.message.id": id,
      "shop.message.type": type,
      "shop.message.attempts": attempts,
    },
  };
}
