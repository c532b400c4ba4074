import { SpanKind, type Context } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanProcessor } from "@opentelemetry/sdk-trace";
import { baggageAttributes } from "./baggage.ts";
import { censoredSpan } from "./censored-span.ts";

/**
 * What stands between the spans and all that they are sent to: adds for whom a span's work is done, and takes out of it
 * what must not leave.
 */
export class OutgoingSpans implements SpanProcessor {
  readonly #next: readonly SpanProcessor[];

  constructor(next: readonly SpanProcessor[]) {
    this.#next = next;
  }

  onStart(span: Span, context: Context): void {
    // What is below shows it as well, by its parent.
    if (span.kind !== SpanKind.CLIENT && span.kind !== SpanKind.INTERNAL)
      span.setAttributes(baggageAttributes(context));
  }

  onEnd(span: ReadableSpan): void {
    const censored = censoredSpan(span);
    for (const next of this.#next) next.onEnd(censored);
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#next.map((next) => next.forceFlush()));
  }

  /** One that cannot send what it has is no reason for the others not to. @throws {AggregateError} after all have ended */
  async shutdown(): Promise<void> {
    const ends = await Promise.allSettled(this.#next.map((next) => next.shutdown()));
    const failed = ends.filter((end) => end.status === "rejected").map(({ reason }) => reason as unknown);
    if (failed.length > 0) throw new AggregateError(failed, "not all spans were sent");
  }
}
