import { Command } from "commander";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { chooseOwnRuntime, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

interface DownFlags extends RuntimeFlags {
  readonly json?: true;
}

export function downCommand({ host }: CommandContext): Command {
  return withRuntime(new Command("down"))
    .description("end a fleet that squall up left running, and whatever is left of one")
    .argument("[target]", targetHelp)
    .option("--json", "what was ended, as JSON")
    .addHelpText("after", examples("squall down"))
    .action(async (file: string | undefined, flags: DownFlags) => {
      const { runtime, target } = await chooseOwnRuntime(host, flags, targetOrShop(file), "down");
      await using _lock = await runtime.lock(target, "down");
      const ended = await runtime.cleanUp(target);
      if (flags.json === true) printJson(host, { ended });
      else print(host.stdout, ...(ended.length === 0 ? [`${target.name}: nothing was running`] : ended));
    });
}
