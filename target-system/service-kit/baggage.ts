import { propagation, type TextMapPropagator } from "@opentelemetry/api";

/**
 * Baggage goes out on every hop, to whoever is called, and comes in from anybody: only the keys listed here pass, so that
 * nothing else leaks to a payment gateway or is smuggled in by a client.
 */
const forwardedKeys: ReadonlySet<string> = new Set(["squall.journey", "squall.cohort"]);

/** A baggage propagator that takes in the listed keys alone, and so hands on nothing else. */
export function forwardedBaggage(propagator: TextMapPropagator): TextMapPropagator {
  return {
    fields: () => propagator.fields(),
    inject: (context, carrier, setter) => propagator.inject(context, carrier, setter),
    extract(context, carrier, getter) {
      const extracted = propagator.extract(context, carrier, getter);
      const baggage = propagation.getBaggage(extracted);
      if (baggage === undefined) return extracted;
      const unlisted = baggage.getAllEntries().filter(([key]) => !forwardedKeys.has(key));
      return propagation.setBaggage(extracted, baggage.removeEntries(...unlisted.map(([key]) => key)));
    },
  };
}
