import { defineConfig } from "vitest/config";

/** Tests that need other people's programs; `npm run test:peers` installs those first. */
export default defineConfig({
  test: {
    include: ["{harness,target-system,load,test,dashboards}/**/*.peer.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
