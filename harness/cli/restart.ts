import { Command } from "commander";
import { exitCodes } from "../base/errors.ts";
import type { ChangeOptions, ReplicaChange } from "../runtimes/runtime.ts";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { requireService } from "./replicas.ts";
import { chooseScalingRuntime, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

interface RestartFlags extends RuntimeFlags {
  readonly target?: string;
  readonly json?: true;
}

export function restartCommand(context: CommandContext): Command {
  return withRuntime(new Command("restart"))
    .description("replace every replica of a service of the running fleet, one at a time, while it is in use")
    .argument("<service>", "the service")
    .option("--target <file>", targetHelp)
    .option("--json", "what changed, as JSON")
    .addHelpText(
      "after",
      examples("squall restart catalog") +
        "\n\nThe next replica is ready before the old one is drained and ended, so no request fails.",
    )
    .action(async (service: string, flags: RestartFlags) => {
      const described = targetOrShop(flags.target);
      const name = requireService(described, service);
      const { runtime, target } = await chooseScalingRuntime(context.host, flags, described);
      await changeReplicas(context, name, flags, (options) => runtime.restart(target, name, options));
    });
}

/** Changes the replicas of a service, tells how it goes on stderr and what came of it on stdout. */
export async function changeReplicas(
  { host, exitWith }: CommandContext,
  service: string,
  flags: Pick<RestartFlags, "json">,
  change: (options: ChangeOptions) => Promise<ReplicaChange>,
): Promise<void> {
  const interrupt = new AbortController();
  const stopListening = host.onSignal((signal) => interrupt.abort(signal));
  try {
    const onProgress = (message: string): void => print(host.stderr, message);
    const { before, after, started, stopped } = await change({ signal: interrupt.signal, onProgress });
    if (flags.json === true) return printJson(host, { service, before, after, started, stopped });
    const told = [
      `${service}: ${before} → ${after} ${after === 1 ? "replica" : "replicas"}`,
      ...(started.length > 0 ? [`started ${started.join(", ")}`] : []),
      ...(stopped.length > 0 ? [`stopped ${stopped.join(", ")}`] : []),
      ...(started.length + stopped.length === 0 ? ["nothing to do"] : []),
    ];
    print(host.stdout, told.join("; "));
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
    print(host.stderr, `interrupted: squall scale lists the replicas that ${service} has now`);
    exitWith(exitCodes.interrupted);
  } finally {
    stopListening();
  }
}
