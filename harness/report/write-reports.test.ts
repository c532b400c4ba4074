import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runFolder } from "../record/run-folder.ts";
import { summarySchema } from "../record/summary.ts";
import { deviatedSummary, heldSummary } from "./fixtures/shop-summaries.ts";
import { renderHtml } from "./html.ts";
import { writeReports } from "./write-reports.ts";

let path: string;
beforeEach(() => (path = mkdtempSync(join(tmpdir(), "squall-report-"))));
afterEach(() => rmSync(path, { recursive: true }));

describe("writeReports", () => {
  it("writes the four reports and leaves nothing else", () => {
    writeReports(heldSummary(), runFolder(path));
    expect(readdirSync(path).sort()).toEqual(["junit.xml", "report.html", "report.md", "summary.json"]);
  });

  it("writes a summary that reads back as it was", () => {
    writeReports(deviatedSummary(), runFolder(path));
    const read: unknown = JSON.parse(readFileSync(runFolder(path).summary, "utf8"));
    expect(summarySchema.parse(read)).toEqual(deviatedSummary());
  });

  it("replaces the reports of an earlier time", () => {
    writeFileSync(runFolder(path).html, "stale");
    writeReports(heldSummary(), runFolder(path));
    writeReports(deviatedSummary(), runFolder(path));
    expect(readFileSync(runFolder(path).html, "utf8")).toBe(renderHtml(deviatedSummary()));
  });

  it("says which file it cannot write, and why", () => {
    expect(() => writeReports(heldSummary(), runFolder(join(path, "gone")))).toThrow(
      expect.objectContaining({
        code: "SQUALL_FILE",
        message: expect.stringContaining("summary.json: ENOENT") as string,
      }),
    );
  });
});
