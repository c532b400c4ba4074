import { Command } from "commander";
import { resolve } from "node:path";
import { exitCodes } from "../base/errors.ts";
import { recoverFleet, runtimesLeft } from "../engine/recover.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { chooseRuntime, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

interface RecoverFlags extends RuntimeFlags {
  readonly runs: string;
  readonly json?: true;
}

export function recoverCommand({ host, exitWith }: CommandContext): Command {
  return withRuntime(new Command("recover"), "what the journals say")
    .description(
      "clean up after a run that was killed, or could not undo all: undo its faults, end its fleet; safe to repeat",
    )
    .argument("[target]", targetHelp)
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--json", "what was done, as JSON")
    .addHelpText("after", examples("squall recover"))
    .action(async (file: string | undefined, flags: RecoverFlags) => {
      const given = targetOrShop(file);
      const runs = resolve(flags.runs);
      const lines: string[] = [];
      const failures: string[] = [];
      const wanted = flags.runtime === undefined ? runtimesLeft(given, runs) : [flags.runtime];
      for (const name of wanted) {
        const runtimeFlags = name === "docker" ? { ...flags, runtime: name } : {};
        const { runtime, target } = await chooseRuntime(host, runtimeFlags, given);
        const report = await recoverFleet(target, runtime, runs);
        lines.push(...report.lines);
        failures.push(...report.failures);
      }
      if (failures.length > 0) exitWith(exitCodes.notRecovered);
      if (flags.json === true) return printJson(host, { done: lines, failures });
      const colors = colorsFor(host, host.stdout);
      print(host.stdout, ...(lines.length + failures.length === 0 ? ["nothing to recover"] : lines));
      print(host.stderr, ...failures.map((failure) => `${colors.red("NOT RECOVERED")} ${failure}`));
    });
}
