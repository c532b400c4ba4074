import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { SquallError, messageOf } from "../base/errors.ts";
import type { RunFolder } from "../record/run-folder.ts";
import type { Summary } from "../record/summary.ts";
import { renderHtml } from "./html.ts";
import { renderJunit } from "./junit.ts";
import { renderMarkdown } from "./markdown.ts";

/**
 * Reports are renderings of a {@link Summary} and of nothing else, so that all forms of one run say the same:
 *
 *   Summary ─┬→ summary.json   as data
 *            ├→ report.html    for people: one page, no network, no script
 *            ├→ report.md      for a pull request
 *            ├→ junit.xml      for CI
 *            └→ text           for the terminal (renderText)
 *
 * Writes the four files into the run folder, each whole or not at all.
 * @throws {SQUALL_FILE} when the folder cannot be written
 */
export function writeReports(summary: Summary, folder: RunFolder): void {
  writeWhole(folder.summary, `${JSON.stringify(summary, undefined, 2)}\n`);
  writeWhole(folder.html, renderHtml(summary));
  writeWhole(folder.markdown, renderMarkdown(summary));
  writeWhole(folder.junit, renderJunit(summary));
}

/** Writes beside the file and renames, so that a reader or a crash never meets half of it. */
function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const descriptor = openSync(temporary, "w");
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new SquallError("SQUALL_FILE", `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}
