import { defineConfig } from "vitest/config";

const common = { pool: "forks", hookTimeout: 60_000 } as const;

/**
 * Two groups, one after the other: what can share the machine, and the whole shop under load, which needs it for itself. What
 * takes minutes (`*.long.test.ts`) or other people's programs (`*.peer.test.ts`) has commands of its own.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: "modules",
          include: ["{harness,target-system,load,test,dashboards}/**/*.test.ts"],
          exclude: [
            "test/e2e/shop.test.ts",
            "**/*.{peer,long}.test.ts",
            "**/node_modules/**",
            "**/.squall/**",
          ],
          testTimeout: 60_000,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
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
