import { Command } from "commander";
import { recordRunTrace } from "../engine/record-run-trace.ts";
import { summarize } from "../engine/summarize.ts";
import { runFolder } from "../record/run-folder.ts";
import { renderText } from "../report/text.ts";
import { writeReports } from "../report/write-reports.ts";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { findRun } from "./find-run.ts";
import { hasColor } from "./host.ts";
import { jaegerHelp, jaegerUrl } from "./jaeger-url.ts";
import { reportPaths } from "./run.ts";

export function reportCommand({ host }: CommandContext): Command {
  return new Command("report")
    .description("make a run's reports again, from its folder alone")
    .argument("<run>", "a run folder, the name of one, or latest")
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--jaeger <url>", jaegerHelp, jaegerUrl)
    .option("--json", "the summary as JSON")
    .addHelpText(
      "after",
      examples(
        "squall report latest",
        "squall report latest --jaeger http://localhost:16686",
        "squall report latest --json | jq .verdict",
      ),
    )
    .action(async (run: string, flags: { runs: string; jaeger?: string; json?: true }) => {
      const folder = findRun(run, flags.runs);
      const judged = await summarize(folder);
      const { jaeger = judged.run.jaeger } = flags;
      const summary = jaeger === undefined ? judged : { ...judged, run: { ...judged.run, jaeger } };
      recordRunTrace(runFolder(folder), summary);
      writeReports(summary, runFolder(folder));
      if (flags.json === true) return printJson(host, summary);
      print(
        host.stdout,
        renderText(summary, { color: hasColor(host, host.stdout), width: host.stdout.columns ?? 100 }),
        ...reportPaths(folder),
      );
    });
}
