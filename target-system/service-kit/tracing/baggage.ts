import {
  propagation,
  type Attributes,
  type BaggageEntry,
  type Context,
  type TextMapPropagator,
} from "@opentelemetry/api";

/**
 * Baggage goes out on every hop, to whoever is called, and comes in from anybody: only the keys listed here pass, with a
 * plain word each, so that nothing else leaks to a payment gateway or is smuggled in by a client.
 */
const forwardedKeys = ["squall.journey", "squall.cohort"] as const;
const plainWord = /^[A-Za-z][\w.-]{0,63}$/;

/** A baggage propagator that takes in the listed keys alone, and so hands on nothing else. */
export function forwardedBaggage(propagator: TextMapPropagator): TextMapPropagator {
  return {
    fields: () => propagator.fields(),
    inject: (context, carrier, setter) => propagator.inject(context, carrier, setter),
    extract(context, carrier, getter) {
      const extracted = propagator.extract(context, carrier, getter);
      const baggage = propagation.getBaggage(extracted);
      if (baggage === undefined) return extracted;
      const forwarded: Record<string, BaggageEntry> = {};
      for (const key of forwardedKeys) {
        const value = baggage.getEntry(key)?.value;
        // Without what else an entry may carry (its metadata).
        if (value !== undefined && plainWord.test(value)) forwarded[key] = { value };
      }
      return propagation.setBaggage(extracted, propagation.createBaggage(forwarded));
    },
  };
}

/** The same as attributes, so that spans can be searched by journey and cohort. */
export function baggageAttributes(context: Context): Attributes {
  return Object.fromEntries(
    (propagation.getBaggage(context)?.getAllEntries() ?? []).map(([key, { value }]) => [key, value]),
  );
}
