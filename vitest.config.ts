import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{harness,target-system,load,test}/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/.squall/**", "**/*.peer.test.ts"],
    pool: "forks",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
