import { ROOT_CONTEXT, defaultTextMapGetter, defaultTextMapSetter, propagation } from "@opentelemetry/api";
import { W3CBaggagePropagator } from "@opentelemetry/core";
import { expect, it } from "vitest";
import { baggageAttributes, forwardedBaggage } from "./baggage.ts";

const propagator = forwardedBaggage(new W3CBaggagePropagator());

const received = (baggage: string) => propagator.extract(ROOT_CONTEXT, { baggage }, defaultTextMapGetter);

function forward(baggage: string): string | undefined {
  const carrier: Record<string, string> = {};
  propagator.inject(received(baggage), carrier, defaultTextMapSetter);
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

it.each([
  "squall.journey=4242424242424242",
  "squall.journey=ada%40shop.example",
  "squall.journey=two%20words",
  `squall.journey=${"long".repeat(17)}`,
])("a value that is no plain word is not handed on: %s", (baggage) => {
  expect(forward(baggage)).toBeUndefined();
});

it("what an entry carries beside its value is not handed on", () => {
  expect(forward("squall.journey=browse;session=secret")).toBe("squall.journey=browse");
});

it("what is handed on can be said on a span", () => {
  expect(baggageAttributes(received("squall.cohort=control,session=secret"))).toEqual({
    "squall.cohort": "control",
  });
  expect(baggageAttributes(ROOT_CONTEXT)).toEqual({});
});
