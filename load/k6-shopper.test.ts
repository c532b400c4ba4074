import { join } from "node:path";
import { expect, test } from "vitest";
import { loadExperiment } from "../harness/experiment/load-experiment.ts";
import { shopperMix } from "./k6/shopper-mix.ts";

const file = join(import.meta.dirname, "k6/recommendation-down.yaml");

test("the shoppers of k6 have the weights of the shopper mix", () => {
  expect(shopperMix).toEqual(loadExperiment(file).target.journeys.mixes["shopper"]);
});

test("the experiment with k6 as its load is valid, and names every journey of the script", () => {
  const { load } = loadExperiment(file).experiment;
  expect(load).toMatchObject({
    engine: "k6",
    journey: "shopper",
    script: join(import.meta.dirname, "k6/shopper.ts"),
    journeys: Object.keys(shopperMix),
  });
});
