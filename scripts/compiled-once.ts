import { resolve } from "node:path";

/**
 * What tests and all that they start are given: code that Node has compiled once. Half of the processor time of a command
 * that ends soon is the compiling, and a folder of its own, which most tests have, has nothing compiled.
 */
export const compiledOnce = {
  NODE_COMPILE_CACHE: resolve(import.meta.dirname, "../node_modules/.cache/compiled"),
} as const;
