/**
 * Names what failed in vitest's JSON reports and adds them up to the one line a CI reads:
 * "N passed, N failed, N skipped". A log that was cut to its end still says which test it was, and why.
 *
 *   node scripts/count-tests.ts FAILED REPORT.json…
 *
 * FAILED is 0, or the number of steps that failed outside of a test; a report that is missing is a failed step.
 */
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { z } from "zod";

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(""),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
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
  const notBegun = report.testResults.filter(cannotBegin).length;
  total.failed += report.numFailedTests + notBegun;
  total.skipped += report.numPendingTests + report.numTodoTests;
  if (!report.success && report.numFailedTests + notBegun === 0) total.failed += 1;
  for (const line of failuresOf(report)) console.error(line);
}
if (Number(failedSteps) > 0 && total.failed === 0) total.failed = Number(failedSteps);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;

/** True of a file that failed outside of its tests, in a hook or while it was loaded. */
function cannotBegin(file: { readonly status: string; readonly message: string }): boolean {
  return file.status === "failed" && file.message !== "";
}

/** A line or two for each test that failed, was skipped, or could not be begun. */
function* failuresOf(report: z.infer<typeof reportSchema>): Iterable<string> {
  for (const file of report.testResults) {
    const path = relative(process.cwd(), file.name);
    if (cannotBegin(file)) yield `FAILED ${path}: ${startOf(file.message)}`;
    for (const test of file.assertionResults) {
      if (test.status === "passed") continue;
      yield `${test.status.toUpperCase()} ${path} > ${test.fullName}`;
      for (const because of test.failureMessages ?? []) yield `  ${startOf(because)}`;
    }
  }
}

function startOf(message: string): string {
  return message.split("\n").slice(0, 6).join("\n  ").slice(0, 1_000);
}
