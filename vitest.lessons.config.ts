import { defineConfig } from "vitest/config";

/** Every experiment of chaos/, whole, as a user runs it: minutes each, one at a time. */
export default defineConfig({
  test: {
    include: ["test/e2e/**/*.lesson.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 240_000,
  },
});
