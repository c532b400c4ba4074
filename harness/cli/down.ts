import { Command } from "commander";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

export function downCommand({ host }: CommandContext): Command {
  return new Command("down")
    .description("end a fleet that squall up left running, and whatever is left of one")
    .argument("[target]", targetHelp)
    .option("--json", "what was ended, as JSON")
    .addHelpText("after", examples("squall down"))
    .action(async (file: string | undefined, flags: { json?: true }) => {
      const target = targetOrShop(file);
      await using _lock = await host.runtime.lock(target, "down");
      const ended = await host.runtime.cleanUp(target);
      if (flags.json === true) printJson(host, { ended });
      else print(host.stdout, ...(ended.length === 0 ? [`${target.name}: nothing was running`] : ended));
    });
}
