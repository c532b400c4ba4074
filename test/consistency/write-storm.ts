import { writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { loadTarget } from "../../harness/target/load-target.ts";
import { stormExperiment } from "./storm-experiment.ts";

/** `write-storm.ts SEED FILE [LENGTH_MS [RATE_PER_SECOND]]`: writes the experiment of the consistency suite, to be looked at, changed and run. */
const [seed = "squall", file = "storm.yaml", length = "60000", rate = "60"] = process.argv.slice(2);
const target = loadTarget(resolve(import.meta.dirname, "../../target-system/target.yaml"));
const path = resolve(file);
writeFileSync(
  path,
  stormExperiment(target, dirname(path), { seed, lengthMs: Number(length), ratePerSecond: Number(rate) }),
);
