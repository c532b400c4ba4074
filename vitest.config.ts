import { defineConfig } from "vitest/config";
import { compiledOnce } from "./scripts/compiled-once.ts";

const common = { pool: "forks", hookTimeout: 60_000, env: compiledOnce } as const;
const notHere = ["**/*.{peer,long}.test.ts", "**/node_modules/**", "**/.squall/**"];
/** What can share the machine: three at a time, since tests mostly wait. */
const together = { ...common, testTimeout: 60_000, maxWorkers: 3, sequence: { groupOrder: 0 } } as const;

/**
 * Two groups, one after the other: what can share the machine, and the whole shop under load, which needs it for itself. What
 * takes minutes (`*.long.test.ts`) or other people's programs (`*.peer.test.ts`) has commands of its own.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...together,
          name: "modules",
          include: ["{harness,load,test,dashboards}/**/*.test.ts"],
          exclude: ["test/e2e/shop.test.ts", ...notHere],
          // Files of one process share what they import: to read it all again costs more than most of these tests.
          isolate: false,
        },
      },
      {
        test: {
          ...together,
          name: "services",
          // A process has one tracer and one folder of identities, so each file has a process.
          include: ["target-system/**/*.test.ts"],
          exclude: notHere,
        },
      },
      {
        test: {
          ...common,
          name: "e2e",
          include: ["test/e2e/shop.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
