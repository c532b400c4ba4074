import { context, createContextKey, type Attributes } from "@opentelemetry/api";

/**
 * What is known of an outgoing call where it is made, for the span that the instrumentation of the HTTP client makes of it:
 * which attempt it is, and by what grace. Handed on by the context, since nobody holds that span.
 */
const key = createContextKey("attributes of an outgoing call");

/** Begins work whose call gets these attributes on its span. */
export function withCallAttributes<T>(attributes: Attributes, work: () => T): T {
  return context.with(context.active().setValue(key, attributes), work);
}

/** Of the call that is being made; none outside {@link withCallAttributes}. */
export function callAttributes(): Attributes {
  return (context.active().getValue(key) as Attributes | undefined) ?? {};
}
