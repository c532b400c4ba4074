import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { deviatedSummary, heldSummary, lostAnswersSummary } from "./fixtures/shop-summaries.ts";
import { renderHtml } from "./html.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-page-"));
const script = resolve(import.meta.dirname, "../../scripts/screenshot.ts");
const summaries = { held: heldSummary, deviated: deviatedSummary, "lost-answers": lostAnswersSummary };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["held", 1280],
  ["held", 400],
  ["deviated", 1280],
  ["deviated", 400],
  ["lost-answers", 1280],
  ["lost-answers", 400],
] as const)(
  "the page of a %s run opens in Chromium at %d px: no scroll sideways, no request, nothing on the console",
  async (name, width) => {
    const page = join(folder, `${name}.html`);
    const picture = join(folder, `${name}-${width}.png`);
    writeFileSync(page, renderHtml(summaries[name]()));
    // The script exits with 1, and says why, when the page is too wide, asks for anything or writes to the console.
    await promisify(execFile)(process.execPath, [script, page, picture, String(width)]);
    expect(statSync(picture).size).toBeGreaterThan(10_000);
  },
);
