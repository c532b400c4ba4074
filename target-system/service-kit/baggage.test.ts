import { ROOT_CONTEXT, defaultTextMapGetter, defaultTextMapSetter, propagation } from "@opentelemetry/api";
import { core } from "@opentelemetry/sdk-node";
import { expect, it } from "vitest";
import { forwardedBaggage } from "./baggage.ts";

const propagator = forwardedBaggage(new core.W3CBaggagePropagator());

function forward(baggage: string): string | undefined {
  const context = propagator.extract(ROOT_CONTEXT, { baggage }, defaultTextMapGetter);
  const carrier: Record<string, string> = {};
  propagator.inject(context, carrier, defaultTextMapSetter);
  return carrier["baggage"];
}

it("hands on the journey and the cohort, and nothing else that a client sends", () => {
  expect(forward("squall.journey=checkout,session=secret,squall.cohort=treatment")).toBe(
    "squall.journey=checkout,squall.cohort=treatment",
  );
});

it("hands on nothing where there is nothing to hand on", () => {
  expect(forward("session=secret")).toBeUndefined();
  expect(propagation.getBaggage(propagator.extract(ROOT_CONTEXT, {}, defaultTextMapGetter))).toBeUndefined();
});
