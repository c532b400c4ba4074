import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runFolder } from "../../record/run-folder.ts";
import { histogramLineSchema } from "./histogram-line.ts";
import { latenessOf, readLoadResult } from "./recorded-load.ts";

it("the lines of docs/load-results.md are a load: one of each kind, that can be read", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/load-results.md"), "utf8");
  const [, text = ""] = /```jsonl\n(.*?)```/s.exec(page) ?? [];
  const kinds = text
    .trim()
    .split("\n")
    .map((line) => histogramLineSchema.parse(JSON.parse(line)).kind);
  expect(new Set(kinds)).toEqual(new Set(histogramLineSchema.options.map(({ shape }) => shape.kind.value)));
  const folder = mkdtempSync(join(tmpdir(), "squall-docs-"));
  writeFileSync(runFolder(folder).histograms, text);
  const load = readLoadResult(folder);
  expect(load.drivers[0]?.problems).toEqual([]);
  expect(load.steps[0]?.total.latency).toMatchObject({ count: 3, minMs: 12.931640625 });
  expect(load.journeys[0]?.total).toMatchObject({ total: 4, counts: { ok: 3, fail: 1, unknown: 0 } });
  expect(latenessOf(load)).toMatchObject({ count: 4, maxMs: 0.5 });
});
