import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../harness/base/random.ts";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { recoverFleet } from "../../harness/engine/recover.ts";
import { summarize } from "../../harness/engine/summarize.ts";
import { readLoadResult } from "../../harness/load/recording/recorded-load.ts";
import { historyLineSchema } from "../../harness/record/history.ts";
import { readJournal } from "../../harness/record/journal.ts";
import { runFolder, type RunFolder } from "../../harness/record/run-folder.ts";
import { summarySchema } from "../../harness/record/summary.ts";
import { renderHtml } from "../../harness/report/html.ts";
import { processRuntime } from "../../harness/runtimes/process/process-runtime.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";

const seed = process.env["SQUALL_TEST_SEED"] ?? String(Date.now());
const cuts = 200;

let fleet: PairFleet;
let whole: RunFolder;

beforeAll(async () => {
  fleet = pairFleet();
  const text = readFileSync(fleet.experiment, "utf8").replace("fault: 30s", "fault: 2s");
  writeFileSync(fleet.experiment, text);
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  await run.exit;
  whole = fleet.newestRun() ?? runFolder("none");
  expect(readJournal(whole.journal).lines.at(-1)?.event, run.err()).toBe("run-ended");
}, 90_000);

afterAll(() => fleet[Symbol.dispose]());

test("a run leaves histograms of its load, that count what its history has", () => {
  const { lines } = readJsonl(whole.history, (value) => historyLineSchema.parse(value));
  const { journeys, steps, drivers } = readLoadResult(whole.path);
  const totalOf = (series: typeof journeys): number =>
    series.reduce((sum, { total }) => sum + total.total, 0);
  expect(drivers.map(({ problems }) => problems)).toEqual([[]]);
  expect(totalOf(journeys)).toBe(lines.filter(({ kind }) => kind === "journey").length);
  expect(totalOf(steps)).toBe(lines.filter(({ kind }) => kind === "operation").length);
  expect(totalOf(steps)).toBeGreaterThan(0);
});

test(
  `a journal and a history cut at ${cuts} random bytes (seed ${seed}) are read up to the cut, reported and recovered`,
  { timeout: 120_000 },
  async () => {
    const random = createRandom(seed);
    const target = loadTarget(fleet.target);
    const runtime = processRuntime();
    const journal = readFileSync(whole.journal);
    const history = readFileSync(whole.history);
    const runs = join(fleet.folder, "cut-runs");
    for (let index = 0; index < cuts; index += 1) {
      const cut = runFolder(join(runs, "run"));
      mkdirSync(runs, { recursive: true });
      cpSync(whole.path, cut.path, { recursive: true });
      const journalCut = journal.subarray(0, random.integer(0, journal.length + 1));
      const historyCut = history.subarray(0, random.integer(0, history.length + 1));
      writeFileSync(cut.journal, journalCut);
      writeFileSync(cut.history, historyCut);

      expect(readJournal(cut.journal).lines).toHaveLength(wholeLines(journalCut));
      expect(readJsonl(cut.history, (value) => historyLineSchema.parse(value)).lines).toHaveLength(
        wholeLines(historyCut),
      );
      const summary = summarySchema.parse(await summarize(cut.path));
      expect(renderHtml(summary)).toContain("</html>");
      const { failures } = await recoverFleet(target, runtime, runs);
      expect(failures).toEqual([]);
      const recovered = readJournal(cut.journal).lines;
      expect(recovered.slice(0, wholeLines(journalCut))).toEqual(
        readJournal(whole.journal).lines.slice(0, wholeLines(journalCut)),
      );
      if (wholeLines(journalCut) > 0)
        expect(recovered.some(({ event }) => event === "recovered" || event === "run-ended")).toBe(true);
      rmSync(runs, { recursive: true });
    }
  },
);

function wholeLines(bytes: Uint8Array): number {
  return bytes.filter((byte) => byte === 0x0a).length;
}
