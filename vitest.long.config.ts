import { defineConfig } from "vitest/config";
import { compiledOnce } from "./scripts/compiled-once.ts";

const common = {
  pool: "forks",
  env: compiledOnce,
  testTimeout: 240_000,
  hookTimeout: 120_000,
} as const;
/**
 * Experiments of chaos/, whole, as a user runs them; storms, also of retries; a shop that is scaled: each needs the machine
 * for itself.
 */
const alone = [
  "target-system/gateway/retry-storm.long.test.ts",
  "test/consistency/*.long.test.ts",
  "test/e2e/{chaos,isolation,scale}.long.test.ts",
] as const;

/** What takes minutes: with small fleets two at a time, since they mostly wait; then the whole shop, one at a time. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "long",
          include: ["test/**/*.long.test.ts"],
          exclude: [...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: "long, one at a time",
          include: [...alone],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
