import { Command } from "commander";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { SquallError, exitCodes } from "../base/errors.ts";
import { formatDuration } from "../base/units.ts";
import { describeArrivals } from "../experiment/arrivals.ts";
import type { LoadPlan } from "../load/driver.ts";
import { compareLoadResults } from "../load/recording/load-comparison.ts";
import { mergeLoadResults, readLoadResult, type RecordedLoad } from "../load/recording/recorded-load.ts";
import { mergeTallies } from "../load/recording/tally.ts";
import { runFolder, type RunFolder } from "../record/run-folder.ts";
import { percentileDistribution } from "../stats/percentile-distribution.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import type { Host } from "./host.ts";
import { comparisonText } from "./load/comparison-text.ts";
import { Interrupted, driveLoad, exitCodeOf, makeFolder, writeReport } from "./load/drive-load.ts";
import { shapeOf, type LoadFlags } from "./load/load-flags.ts";
import { reportOf, type LoadReport } from "./load/load-report.ts";
import { requireListener, subjectOf } from "./load/load-subject.ts";
import { loadText } from "./load/load-text.ts";
import { liveLoadView, plainLoadView, quietLoadView, type LoadView } from "./load/load-view.ts";
import { tlsOf } from "./load/tls-flags.ts";
import { targetHelp } from "./shop.ts";

type Flags = LoadFlags & { readonly compare?: readonly string[]; readonly merge?: readonly string[] };

export function loadCommand({ host, exitWith }: CommandContext): Command {
  return new Command("load")
    .description("put load on a system and say how it bore it: the load driver alone, no faults, no verdict")
    .argument(
      "[what]",
      "a URL, a file of journeys (journeys.ts, journeys.ts:buy), or a journey or mix of the target",
    )
    .option("--rate <rate>", "arrivals, at random as of many clients: 200/s, 30/m (default: 10/s)")
    .option("--even", "arrivals at even distances instead")
    .option("--arrivals <shape>", "arrivals whose rate changes: 'ramp: {from: 10/s, to: 200/s, over: 30s}'")
    .option("--for <duration>", "how long they come", "10s")
    .option("--url <origin>", "whom to ask: http://127.0.0.1:8080; by default the fleet that is up")
    .option("--mix <weights>", "several journeys, by weight: browse=3,buy=1")
    .option("--users <count>", "virtual users, drawn by the seed; by default as many as are needed")
    .option("--max-users <count>", "of those that are needed, at most so many")
    .option("--connections <count>", "connections at once, at most", "256")
    .option("--timeout <duration>", "a request without a whole answer by then is unknown", "10s")
    .option("--seed <text>", "decides when each journey starts, which one it is, and its draws", "squall")
    .option("--target <file>", targetHelp)
    .option("--out <folder>", "where the results go; by default a folder of its own in loads/")
    .option("--allow-remote", "load another machine than this one; only one that is yours to load")
    .option("--ca <file>", "of https: the certificates to trust, in PEM, instead of the well-known ones")
    .option("--insecure", "of https: trust any certificate")
    .option("--hdr", "write the percentiles for HdrHistogram's tools, too")
    .option("--json", "the summary as JSON")
    .option("--quiet", "no progress")
    .option("--compare <folders...>", "compare two results instead: before and after")
    .option("--merge <folders...>", "sum up several results as one instead; of one, show it again")
    .addHelpText(
      "after",
      examples(
        "squall load http://127.0.0.1:8080/products --rate 50/s --for 10s",
        "squall load journeys.ts --rate 200/s --for 30s --url http://127.0.0.1:8080",
        "squall load shopper --rate 60/s --for 1m          # on the fleet that squall up started",
        "squall load --compare loads/before loads/after",
        "squall load --merge loads/one loads/two --out loads/both",
      ) +
        "\n\nCtrl-C ends the arrivals and sums up; a second one ends what is under way, too." +
        "\n\nExit codes: 0 done, 2 the figures are not the target's (the driver could not keep up),\n" +
        "3 invalid input or refused, 130 interrupted (after the summary).",
    )
    .action(async (what: string | undefined, flags: Flags) => {
      if (flags.compare !== undefined && flags.merge !== undefined)
        throw new SquallError("SQUALL_USAGE", "--compare and --merge: expected one of the two");
      const instead = flags.compare === undefined ? "--merge" : "--compare";
      if (what !== undefined && (flags.compare ?? flags.merge) !== undefined)
        throw new SquallError(
          "SQUALL_USAGE",
          `${instead} takes folders of results and drives no load, got ${what}`,
        );
      if (flags.compare !== undefined) return compare(host, flags.compare, flags);
      if (flags.merge !== undefined) return merge(host, flags.merge, flags);
      exitWith(await load(host, what, flags));
    });
}

async function load(host: Host, what: string | undefined, flags: Flags): Promise<number> {
  const shape = shapeOf(flags);
  const subject = await subjectOf(what, flags, shape.mix, host);
  const { mix: _, ...rest } = shape;
  const tls = tlsOf(flags, subject.baseUrl);
  await requireListener(subject.baseUrl);
  const folder = runFolder(flags.out ?? freshFolder(subject.title));
  makeFolder(folder);
  const plan: LoadPlan = {
    ...rest,
    journeysModule: resolve(subject.moduleIn(folder.path)),
    mix: subject.mix,
    seed: flags.seed,
    baseUrl: subject.baseUrl,
    ...(tls === undefined ? {} : { tls }),
    historyFile: folder.history,
    histogramsFile: folder.histograms,
  };
  const { durationMs } = plan.arrivals;
  const rated = `${subject.title} ${describeArrivals(plan.arrivals)}`;
  using view = viewOf(host, flags, { title: rated, baseUrl: plan.baseUrl, durationMs });
  try {
    const title = `${rated} for ${formatDuration(durationMs)}`;
    const report = await driveLoad({ host, title, plan, folder, view });
    view[Symbol.dispose]();
    tell(host, report, readLoadResult(folder.path), folder, flags);
    return exitCodeOf(report);
  } catch (error) {
    // What never began leaves nothing behind.
    if (flags.out === undefined && !existsSync(folder.history)) rmSync(folder.path, { recursive: true });
    if (!(error instanceof Interrupted)) throw error;
    view.note("interrupted before anything was sent");
    return exitCodes.interrupted;
  }
}

function viewOf(host: Host, { quiet }: Flags, options: Parameters<typeof plainLoadView>[1]): LoadView {
  const { stderr } = host;
  if (quiet === true) return quietLoadView(stderr);
  return stderr.isTTY
    ? liveLoadView(stderr, colorsFor(host, stderr), options)
    : plainLoadView(stderr, options);
}

/** Writes the results down, and says what they are. */
function tell(host: Host, report: LoadReport, load: RecordedLoad, folder: RunFolder, flags: Flags): void {
  writeReport(report, folder);
  const distribution = join(folder.path, "latency.hgrm");
  if (flags.hdr === true) {
    const { latency } = mergeTallies(load.journeys.map(({ total }) => total));
    writeFileSync(distribution, percentileDistribution(latency));
  }
  if (flags.json === true) return printJson(host, report);
  print(
    host.stdout,
    ...loadText(report, { colors: colorsFor(host, host.stdout), columns: host.stdout.columns ?? 100 }),
    "",
    `results  ${relative(".", folder.path)}`,
    ...(flags.hdr === true ? [`hdr      ${relative(".", distribution)}`] : []),
  );
}

function merge(host: Host, folders: readonly string[], flags: Flags): void {
  const loads = folders.map(readLoadResult);
  const load = mergeLoadResults(loads);
  const title = folders.length === 1 ? (folders[0] ?? "") : `${folders.length} loads as one`;
  const report = reportOf(load, title, false, undefined);
  if (flags.out !== undefined) {
    const folder = runFolder(flags.out);
    makeFolder(folder);
    return tell(host, report, load, folder, flags);
  }
  if (flags.hdr === true)
    throw new SquallError("SQUALL_USAGE", "--hdr: expected --out beside --merge, to say where it goes");
  if (flags.json === true) return printJson(host, report);
  print(
    host.stdout,
    ...loadText(report, { colors: colorsFor(host, host.stdout), columns: host.stdout.columns ?? 100 }),
  );
}

function compare(host: Host, folders: readonly string[], flags: Flags): void {
  const [before, after, ...others] = folders;
  if (before === undefined || after === undefined || others.length > 0)
    throw new SquallError("SQUALL_USAGE", `--compare: expected two folders, got ${folders.length}`, {
      hint: "squall load --compare loads/before loads/after",
    });
  const comparison = compareLoadResults(readLoadResult(before), readLoadResult(after));
  if (flags.json === true) return printJson(host, comparison);
  print(
    host.stdout,
    ...comparisonText(comparison, {
      before,
      after,
      colors: colorsFor(host, host.stdout),
      columns: host.stdout.columns ?? 100,
    }),
  );
}

/** "loads/2026-11-21T19-30-00-shopper" */
function freshFolder(title: string): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const name = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40);
  return join("loads", `${time}-${name === "" ? "load" : name}`);
}
