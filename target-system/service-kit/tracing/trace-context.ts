import { trace, type TextMapPropagator } from "@opentelemetry/api";

/**
 * Trace ids alone: `tracestate` is whatever the caller put there, and would go on to everybody who is called, payment
 * gateways among them. Nobody in this fleet writes any.
 */
export function withoutTraceState(propagator: TextMapPropagator): TextMapPropagator {
  return {
    fields: () => propagator.fields(),
    inject: (context, carrier, setter) => propagator.inject(context, carrier, setter),
    extract(context, carrier, getter) {
      const extracted = propagator.extract(context, carrier, getter);
      const caller = trace.getSpanContext(extracted);
      if (caller?.traceState === undefined) return extracted;
      const { traceState: _dropped, ...rest } = caller;
      return trace.setSpanContext(extracted, rest);
    },
  };
}
