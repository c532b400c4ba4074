import { defineConfig } from "vitest/config";
import { compiledOnce } from "./scripts/compiled-once.ts";

const common = {
  pool: "forks",
  env: compiledOnce,
  testTimeout: 240_000,
  hookTimeout: 120_000,
} as const;
/** Experiments of chaos/, whole, as a user runs them; storms; a shop that is scaled: each needs the machine for itself. */
const ofTheShop = [
  "test/consistency/*.long.test.ts",
  "test/e2e/{chaos,isolation,scale}.long.test.ts",
] as const;

/** What takes minutes: with small fleets side by side, since they mostly wait; then the whole shop, one at a time. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "small fleets",
          include: ["{target-system,test}/**/*.long.test.ts"],
          exclude: [...ofTheShop],
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...common,
          name: "the shop",
          include: [...ofTheShop],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
