import { defineConfig } from "vitest/config";

/** What takes minutes, one at a time: experiments of chaos/, whole, as a user runs them; an engine killed again and again; storms. */
export default defineConfig({
  test: {
    include: ["{target-system,test}/**/*.long.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
});
