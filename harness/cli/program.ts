import { Command } from "commander";
import { examples, type CommandContext } from "./command-context.ts";
import { doctorCommand } from "./doctor.ts";
import { downCommand } from "./down.ts";
import { faultCommand } from "./fault.ts";
import { hasColor } from "./host.ts";
import { loadCommand } from "./load.ts";
import { logsCommand } from "./logs.ts";
import { metricsCommand } from "./metrics.ts";
import { proxyCommand } from "./proxy.ts";
import { recoverCommand } from "./recover.ts";
import { reportCommand } from "./report.ts";
import { restartCommand } from "./restart.ts";
import { runCommand } from "./run.ts";
import { scaleCommand } from "./scale.ts";
import { tracesCommand } from "./traces.ts";
import { upCommand } from "./up.ts";
import { validateCommand } from "./validate.ts";
import { version } from "./version.ts";

/** The command line: one file a command, which defines its words and does its work. */
export function createProgram(context: CommandContext): Command {
  const { host } = context;
  const program = new Command("squall")
    .description(
      "Puts a fleet of services in bad weather and tells, with evidence, whether it kept its promises.",
    )
    .version(version, "-V, --version")
    .addHelpText(
      "after",
      examples(
        "squall run chaos/recommendation-down.yaml",
        "squall up && squall fault add down --edge 'gateway -> recommendation' --for 60s",
        "squall doctor",
      ) +
        "\n\nExit codes: 0 held, 1 deviated, 2 inconclusive, 3 invalid input or refused, 4 aborted by a guard," +
        "\n5 not recovered, 6 an error of squall itself, 130 interrupted (after undo).",
    );
  const commands = [
    runCommand(context),
    validateCommand(context),
    upCommand(context),
    downCommand(context),
    scaleCommand(context),
    restartCommand(context),
    faultCommand(context),
    loadCommand(context),
    proxyCommand(context),
    recoverCommand(context),
    reportCommand(context),
    tracesCommand(context),
    logsCommand(context),
    metricsCommand(context),
    doctorCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands, ...commands.flatMap((command) => command.commands)])
    command
      .exitOverride()
      .showHelpAfterError(`(${fullName(command)} --help shows how)`)
      .configureOutput({
        writeOut: (text) => host.stdout.write(text),
        writeErr: (text) => host.stderr.write(text),
        getOutHelpWidth: () => host.stdout.columns ?? 100,
        getErrHelpWidth: () => host.stderr.columns ?? 100,
        getOutHasColors: () => hasColor(host, host.stdout),
        getErrHasColors: () => hasColor(host, host.stderr),
      });
  return program;
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
