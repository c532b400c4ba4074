import type { Board } from "./board.ts";
import { edges } from "./boards/edges.ts";
import { experiment } from "./boards/experiment.ts";
import { fleet } from "./boards/fleet.ts";
import { harness } from "./boards/harness.ts";
import { patterns } from "./boards/patterns.ts";
import { resources } from "./boards/resources.ts";
import { service } from "./boards/service.ts";
import { slo } from "./boards/slo.ts";

/** In the order in which one reads them. */
export const boards: readonly Board[] = [
  fleet,
  service,
  edges,
  patterns,
  experiment,
  slo,
  resources,
  harness,
];
