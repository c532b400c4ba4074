import { Option, type Command } from "commander";
import { SquallError } from "../base/errors.ts";
import { canScale, type CanScale, type Runtime } from "../runtimes/runtime.ts";
import { inProject } from "../target/in-project.ts";
import type { Target } from "../target/target.ts";
import type { Host } from "./host.ts";

const runtimes = ["process", "docker"] as const;

/** What a command is told of the runtime that its fleet has. */
export interface RuntimeFlags {
  readonly runtime?: (typeof runtimes)[number];
  readonly project?: string;
}

/**
 * Adds the options by which a command is told where its fleet is.
 * @param usual the runtime where none is given, for the help
 */
export function withRuntime(command: Command, usual = "process"): Command {
  const runtime = new Option("--runtime <name>", `what the fleet consists of; by default ${usual}`);
  return command
    .addOption(runtime.choices(runtimes))
    .option("--project <name>", "of Compose, in place of COMPOSE_PROJECT_NAME and of what the target says");
}

/** The same options again, for a command that is to act on the same fleet. */
export function runtimeWords({ runtime, project }: RuntimeFlags): readonly string[] {
  return [
    ...(runtime === undefined ? [] : ["--runtime", runtime]),
    ...(project === undefined ? [] : ["--project", project]),
  ];
}

/** The runtime that a command was given, and the target as it is there. @throws {SQUALL_USAGE} */
export async function chooseRuntime(
  { env, runtime, dockerRuntime }: Host,
  flags: RuntimeFlags,
  target: Target,
): Promise<{ readonly runtime: Runtime; readonly target: Target }> {
  if (flags.runtime === "docker") {
    const project = flags.project ?? (env["COMPOSE_PROJECT_NAME"] || undefined);
    return {
      runtime: await dockerRuntime(),
      target: project === undefined ? target : inProject(target, project),
    };
  }
  if (flags.project === undefined) return { runtime, target };
  throw new SquallError("SQUALL_USAGE", "--project is of containers", { hint: "--runtime docker" });
}

/** What Compose does itself: "docker compose --project-name shop down". */
function composeCommand({ containers }: Target, rest: string): string {
  const project = containers?.project === undefined ? "" : `--project-name ${containers.project} `;
  return `docker compose ${project}${rest}`;
}

/**
 * The runtime and target of a command that starts or ends a fleet, which is never done to containers.
 * @throws {SQUALL_UNSUPPORTED} with what Compose's command for it is
 */
export async function chooseOwnRuntime(
  host: Host,
  flags: RuntimeFlags,
  described: Target,
  compose: string,
): Promise<{ readonly runtime: Runtime; readonly target: Target }> {
  const chosen = await chooseRuntime(host, flags, described);
  if (flags.runtime !== "docker") return chosen;
  throw new SquallError("SQUALL_UNSUPPORTED", "a stack of containers is Compose's to start and to end", {
    hint: composeCommand(chosen.target, compose),
  });
}

/** The same of one that changes the replicas of services. @throws {SQUALL_UNSUPPORTED} where the runtime knows none */
export async function chooseScalingRuntime(
  host: Host,
  flags: RuntimeFlags,
  described: Target,
): Promise<{ readonly runtime: Runtime & CanScale; readonly target: Target }> {
  const { runtime, target } = await chooseRuntime(host, flags, described);
  if (canScale(runtime)) return { runtime, target };
  throw new SquallError(
    "SQUALL_UNSUPPORTED",
    `the ${runtime.name} runtime cannot replace, add or remove replicas of a service in use`,
  );
}
