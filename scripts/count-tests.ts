/**
 * Adds up vitest's JSON reports and prints the one line a CI reads: "N passed, N failed, N skipped".
 *
 *   node scripts/count-tests.ts FAILED REPORT.json…
 *
 * FAILED is 0, or the number of steps that failed outside of a test; a report that is missing is a failed step.
 */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  success: z.boolean(),
});

const [failedSteps = "0", ...files] = process.argv.slice(2);
const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of files) {
  if (!existsSync(file)) {
    console.error(`${file} was not written: its step failed before a test ran`);
    total.failed += 1;
    continue;
  }
  const report = reportSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  if (!report.success && report.numFailedTests === 0) total.failed += 1;
}
if (Number(failedSteps) > 0 && total.failed === 0) total.failed = Number(failedSteps);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
