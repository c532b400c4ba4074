import { Command } from "commander";
import { resolve } from "node:path";
import { exitCodes } from "../base/errors.ts";
import { recoverFleet } from "../engine/recover.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

export function recoverCommand({ host, exitWith }: CommandContext): Command {
  return new Command("recover")
    .description(
      "clean up after a run that was killed, or could not undo all: undo its faults, end its fleet; safe to repeat",
    )
    .argument("[target]", targetHelp)
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--json", "what was done, as JSON")
    .addHelpText("after", examples("squall recover"))
    .action(async (file: string | undefined, flags: { runs: string; json?: true }) => {
      const target = targetOrShop(file);
      const { lines, failures } = await recoverFleet(target, host.runtime, resolve(flags.runs));
      if (failures.length > 0) exitWith(exitCodes.notRecovered);
      if (flags.json === true) return printJson(host, { done: lines, failures });
      const colors = colorsFor(host, host.stdout);
      print(host.stdout, ...(lines.length + failures.length === 0 ? ["nothing to recover"] : lines));
      print(host.stderr, ...failures.map((failure) => `${colors.red("NOT RECOVERED")} ${failure}`));
    });
}
