import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import type { MessageSpan } from "./messaging.ts";

/** A span to begin: its name, its kind and what it says. */
export type NewSpan = Pick<MessageSpan, "name" | "kind" | "attributes">;

/** Where in which trace something began, as stored beside it; null where there was no tracing. */
export type TraceCarrier = { readonly traceparent: string | null; readonly baggage: string | null };

/** Of work that began by itself. */
export const nobody: TraceCarrier = { traceparent: null, baggage: null };

/** What to store now, so that work done later can be joined to the request at hand. */
export function currentCarrier(): TraceCarrier & { readonly traceId: string | null } {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return {
    traceparent: headers["traceparent"] ?? null,
    baggage: headers["baggage"] ?? null,
    traceId: trace.getActiveSpan()?.spanContext().traceId ?? null,
  };
}

/** Runs `work` in a trace of its own that links to where it began and carries on its baggage. */
export async function inLinkedTrace<T>(
  { name, kind, attributes }: NewSpan,
  { traceparent, baggage }: TraceCarrier,
  work: () => Promise<T>,
): Promise<T> {
  const began = propagation.extract(ROOT_CONTEXT, {
    ...(traceparent !== null && { traceparent }),
    ...(baggage !== null && { baggage }),
  });
  const origin = trace.getSpanContext(began);
  const links = origin === undefined ? [] : [{ context: origin }];
  return trace
    .getTracer("service-kit")
    .startActiveSpan(name, { kind, attributes, links }, trace.deleteSpan(began), async (span) => {
      try {
        return await work();
      } catch (error) {
        span.setStatus({
          code: SpanStatusCode.ERROR,
          message: error instanceof Error ? error.message : String(error),
        });
        throw error;
      } finally {
        span.end();
      }
    });
}
