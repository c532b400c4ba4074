import { Command } from "commander";
import { formatAddress } from "../base/address.ts";
import { SquallError } from "../base/errors.ts";
import type { ServiceReplicas } from "../runtimes/runtime.ts";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { changeReplicas } from "./restart.ts";
import { parseCount, requireService } from "./replicas.ts";
import { chooseScalingRuntime, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

interface ScaleFlags extends RuntimeFlags {
  readonly target?: string;
  readonly json?: true;
}

export function scaleCommand(context: CommandContext): Command {
  const { host } = context;
  return withRuntime(new Command("scale"))
    .description("change how many replicas a service of the running fleet has, while it is in use; list them")
    .argument("[service]", "the service; without one, all are listed")
    .argument("[count]", "how many replicas it shall have", parseCount)
    .option("--target <file>", targetHelp)
    .option("--json", "what changed, or the list, as JSON")
    .addHelpText(
      "after",
      examples("squall scale", "squall scale catalog 3", "squall scale catalog 1 --json") +
        "\n\nA new replica gets calls once it is ready; one that is to go is drained first, so no request fails.",
    )
    .action(async (service: string | undefined, count: number | undefined, flags: ScaleFlags) => {
      const { runtime, target } = await chooseScalingRuntime(host, flags, targetOrShop(flags.target));
      if (service === undefined) {
        const listed = await runtime.listReplicas(target);
        if (flags.json === true) printJson(host, listed.map(replicasJson));
        else print(host.stdout, ...replicaLines(listed));
        return;
      }
      const name = requireService(target, service);
      if (count === undefined)
        throw new SquallError("SQUALL_USAGE", `expected how many replicas ${name} shall have`, {
          hint: `squall scale ${name} 2`,
        });
      await changeReplicas(context, name, flags, (options) => runtime.scale(target, name, count, options));
    });
}

function replicasJson({ service, replicas }: ServiceReplicas) {
  return {
    service,
    replicas: replicas.map(({ name, pid, addresses, state, connections }) => ({
      name,
      pid,
      addresses: Object.fromEntries(
        Object.entries(addresses).map(([port, address]) => [port, formatAddress(address)]),
      ),
      state,
      connections,
    })),
  };
}

/** A line a replica; the service is named once. */
function replicaLines(listed: readonly ServiceReplicas[]): readonly string[] {
  const rows = listed.flatMap(({ service, replicas }) =>
    replicas.map(({ name, pid, addresses, state, connections }, index) => [
      index === 0 ? service : "",
      name,
      String(pid),
      Object.values(addresses).map(formatAddress).join(" "),
      state,
      String(connections),
    ]),
  );
  const table = [["service", "replica", "process", "address", "state", "connections"], ...rows];
  const widths =
    table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
