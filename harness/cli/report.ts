import { Command } from "commander";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { SquallError } from "../base/errors.ts";
import { nearest } from "../base/nearest.ts";
import { summarize } from "../engine/summarize.ts";
import { runFolder } from "../record/run-folder.ts";
import { renderText } from "../report/text.ts";
import { writeReports } from "../report/write-reports.ts";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { hasColor } from "./host.ts";
import { reportPaths } from "./run.ts";

export function reportCommand({ host }: CommandContext): Command {
  return new Command("report")
    .description("make a run's reports again, from its folder alone")
    .argument("<run>", "a run folder, the name of one, or latest")
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--json", "the summary as JSON")
    .addHelpText("after", examples("squall report latest", "squall report latest --json | jq .verdict"))
    .action(async (run: string, flags: { runs: string; json?: true }) => {
      const folder = findRun(run, flags.runs);
      const summary = await summarize(folder);
      writeReports(summary, runFolder(folder));
      if (flags.json === true) return printJson(host, summary);
      print(
        host.stdout,
        renderText(summary, { color: hasColor(host, host.stdout), width: host.stdout.columns ?? 100 }),
        ...reportPaths(folder),
      );
    });
}

/** The folder of a run that a user named. @throws {SQUALL_USAGE} when there is none */
function findRun(run: string, runsFolder: string): string {
  const names = existsSync(runsFolder) ? readdirSync(runsFolder).sort() : [];
  if (run === "latest") {
    const latest = names.at(-1);
    if (latest === undefined) throw new SquallError("SQUALL_USAGE", `there is no run in ${runsFolder}`);
    return join(runsFolder, latest);
  }
  if (names.includes(run)) return join(runsFolder, run);
  if (existsSync(run)) return run;
  const near = nearest(run, ["latest", ...names]) ?? names.at(-1);
  throw new SquallError("SQUALL_USAGE", `there is no run "${run}" in ${runsFolder}`, {
    ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
  });
}
