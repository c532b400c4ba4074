/**
 * From a fresh checkout to a verdict, as `npm start` does it: set-up of the fleet the first time and the second, time to
 * the verdict, peak memory of everything, lateness of starts at 60 journeys a second, size of the page; and how memory and
 * page grow from a sixteenth of that load to a quarter to the whole. (More than 60 a second is more than two cores carry;
 * the driver alone is measured up to 960 a second by load.ts.)
 *
 *   node bench/first-verdict.ts
 *
 * The fleet's state folder is removed first, so nothing may be up. Exits 1 when a goal is missed. Memory is the
 * proportional set size (shared pages count once), looked at twice a second.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { formatDuration, formatSize } from "../harness/base/units.ts";
import { readJournal } from "../harness/record/journal.ts";
import { runFolder, type RunFolder } from "../harness/record/run-folder.ts";
import { summarySchema } from "../harness/record/summary.ts";
import { findLeftovers } from "../harness/runtimes/process/leftovers.ts";
import { proportionalSetSizeBytes } from "../harness/runtimes/process/memory.ts";
import { loadTarget } from "../harness/target/load-target.ts";

const root = resolve(import.meta.dirname, "..");
const target = loadTarget(join(root, "target-system/target.yaml"));
const runs = mkdtempSync(join(tmpdir(), "squall-bench-"));
const experiments = mkdtempSync(join(tmpdir(), "squall-bench-"));

if (findLeftovers(target).processes.length > 0) {
  console.error("the shop is up, or something is left of it: squall down, or squall recover, first");
  process.exit(3);
}
rmSync(join(target.folder, ".squall"), { recursive: true, force: true });

const first = await measure("chaos/recommendation-down.yaml");
const second = await measure("bench/sixty-a-second.yaml");
const growth = [
  { rate: "3.75/s", ...(await measure(atRate("3.75/s"))) },
  { rate: "15/s", ...(await measure(atRate("15/s"))) },
  { rate: "60/s", ...second },
];
for (const folder of [runs, experiments]) rmSync(folder, { recursive: true });

const goals = [
  goal("set-up of the fleet, first time", first.setUpMs, 25_000, formatDuration),
  goal("set-up of the fleet, second time", second.setUpMs, 8_000, formatDuration),
  goal("start to verdict, first time", first.totalMs, 90_000, formatDuration),
  goal("peak memory of everything, 40/s", first.peakBytes, 1.5e9, formatSize),
  goal("peak memory of everything, 60/s", second.peakBytes, 1.5e9, formatSize),
  goal("lateness of starts at 60/s, p99", second.lateP99Ms, 5, formatDuration),
  goal("report.html of a 60 s run", second.reportBytes, 2e6, formatSize),
];
console.log(`\n${availableParallelism()} processors; verdicts: ${first.verdict}, ${second.verdict}\n`);
for (const { name, measured, limit, isMet } of goals)
  console.log(
    `${isMet ? "met   " : "MISSED"}  ${name.padEnd(36)} ${measured.padStart(10)}  (at most ${limit})`,
  );
console.log("\nhow it grows: 1x, 4x, 16x");
for (const { rate, peakBytes, reportBytes } of growth)
  console.log(
    `  ${rate.padEnd(8)} peak memory ${formatSize(peakBytes).padStart(10)}   report.html ${formatSize(reportBytes).padStart(10)}`,
  );
process.exitCode = goals.every(({ isMet }) => isMet) ? 0 : 1;

interface Measured {
  readonly setUpMs: number;
  readonly totalMs: number;
  readonly peakBytes: number;
  readonly lateP99Ms: number;
  readonly reportBytes: number;
  readonly verdict: string;
}

/** The experiment of a minute, at another rate: the path of a file of its own. */
function atRate(rate: string): string {
  const text = readFileSync(join(root, "bench/sixty-a-second.yaml"), "utf8")
    .replace("rate: 60/s", `rate: ${rate}`)
    .replace("../target-system", join(root, "target-system"));
  const path = join(experiments, `${rate.replace("/", "-a-")}.yaml`);
  writeFileSync(path, text);
  return path;
}

async function measure(experiment: string): Promise<Measured> {
  console.log(`running ${experiment}`);
  const before = new Set(readdirSync(runs));
  const startedMs = performance.now();
  const child = spawn(process.execPath, ["harness/cli/squall.ts", "run", experiment, "--runs", runs], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  let peakBytes = 0;
  const watching = setInterval(() => {
    const pids = findLeftovers(target).processes.map(({ pid }) => pid);
    const bytes = proportionalSetSizeBytes([...(child.pid === undefined ? [] : [child.pid]), ...pids]);
    peakBytes = Math.max(peakBytes, bytes ?? Number.POSITIVE_INFINITY);
  }, 500);
  await once(child, "close");
  clearInterval(watching);
  const totalMs = performance.now() - startedMs;
  const run: RunFolder = runFolder(join(runs, readdirSync(runs).find((name) => !before.has(name)) ?? "none"));
  const ready = readJournal(run.journal).lines.find((line) => line.event === "fleet-ready");
  const summary = summarySchema.parse(JSON.parse(readFileSync(run.summary, "utf8")));
  return {
    setUpMs: ready?.durationMs ?? Number.POSITIVE_INFINITY,
    totalMs,
    peakBytes,
    lateP99Ms: summary.load.lateP99Ms ?? Number.POSITIVE_INFINITY,
    reportBytes: statSync(run.html).size,
    verdict: summary.verdict.outcome,
  };
}

function goal(name: string, value: number, limit: number, format: (value: number) => string) {
  return { name, measured: format(value), limit: format(limit), isMet: value <= limit };
}
