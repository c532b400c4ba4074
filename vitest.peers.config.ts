import { defineConfig } from "vitest/config";
import { compiledOnce } from "./scripts/compiled-once.ts";

const common = {
  pool: "forks",
  env: compiledOnce,
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;
/** What fills the machine, as a browser beside the whole shop does, or compares how long things take. */
const alone = [
  "target-system/**/*.peer.test.ts",
  "test/**/*.peer.test.ts",
  "harness/proxy/differential*.peer.test.ts",
  "harness/runtimes/**/*.peer.test.ts",
] as const;

/** Tests that need other people's programs, two at a time where they mostly wait; `npm run test:peers` installs those first. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "peers",
          include: ["{harness,load,dashboards}/**/*.peer.test.ts"],
          exclude: [...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: "peers, one at a time",
          include: [...alone],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
