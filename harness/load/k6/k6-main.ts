/** The process that runs k6: takes a plan from its parent, starts k6, records what it measures, reports, and ends. */
import { serveDriver } from "../driver-child.ts";
import type { JourneyProgress } from "../driver.ts";
import { driveK6 } from "./drive-k6.ts";
import type { K6Plan, K6Result } from "./k6-driver.ts";

serveDriver<K6Plan, JourneyProgress, K6Result>(driveK6);
