import { defineConfig } from "vitest/config";
export default defineConfig({ test: { pool: "forks", hookTimeout: 280_000, testTimeout: 150_000, include: ["target-system/**/*.test.ts"] } });
