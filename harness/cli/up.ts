import { Command } from "commander";
import { closeSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatAddress } from "../base/address.ts";
import { formatEdge } from "../base/edge.ts";
import { SquallError, exitCodes, messageOf } from "../base/errors.ts";
import { setForward, setSink } from "../observe/receiver-client.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { forwardHelp, otlpEndpoint } from "./otlp-endpoint.ts";
import { chooseReplicas, collectReplicas, replicasHelp } from "./replicas.ts";
import { chooseOwnRuntime, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { chooseSettings, collectSetting } from "./settings.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

interface UpFlags extends RuntimeFlags {
  readonly set?: Readonly<Record<string, string>>;
  readonly replicas?: Readonly<Record<string, number>>;
  readonly seed: string;
  readonly traces?: string;
  readonly forward?: string;
  readonly json?: true;
}

export function upCommand({ host, exitWith }: CommandContext): Command {
  return withRuntime(new Command("up"))
    .description("start a fleet and leave it running, with a proxy on every edge")
    .argument("[target]", targetHelp)
    .option("--set <name=value>", "a setting of the fleet; may be given several times", collectSetting)
    .option("--replicas <service=count>", replicasHelp, collectReplicas)
    .option("--seed <text>", "decides the fleet's data", "squall")
    .option("--traces <file>", "append the fleet's spans to this file until a run takes them")
    .option("--forward <endpoint>", forwardHelp, otlpEndpoint)
    .option("--json", "the addresses as JSON")
    .addHelpText(
      "after",
      examples(
        "squall up",
        "squall up --set patterns=none",
        "squall up --replicas catalog=3,payment=2",
        "squall up --traces traces.otlp.jsonl",
        "squall up --forward http://jaeger:4318",
        "squall up --json | jq .entry",
      ),
    )
    .action(async (file: string | undefined, flags: UpFlags) => {
      const { runtime, target } = await chooseOwnRuntime(host, flags, targetOrShop(file), "up --wait");
      const settings = chooseSettings(target, flags.set ?? {});
      const replicas = chooseReplicas(target, flags.replicas);
      const traces = flags.traces === undefined ? undefined : appendableFile(flags.traces);
      await using _lock = await runtime.lock(target, "up");
      if ((await runtime.attach(target)) !== undefined)
        throw new SquallError("SQUALL_LOCKED", `the fleet of ${target.name} is up already`, {
          hint: "squall down ends it",
        });
      const interrupt = new AbortController();
      const stopListening = host.onSignal((signal) => interrupt.abort(signal));
      try {
        const logsFolder = join(runtime.stateFolder(target), "logs");
        const fleet = await runtime.start(target, {
          settings,
          replicas,
          seed: flags.seed,
          logsFolder,
          isKept: true,
          signal: interrupt.signal,
          onProgress: (message) => print(host.stderr, message),
        });
        if (traces !== undefined) await setSink(fleet.receiver, traces);
        if (flags.forward !== undefined) await setForward(fleet.receiver, flags.forward);
        if (flags.json === true) printJson(host, addressesOf(fleet, logsFolder));
        else print(host.stdout, ...describeFleet(fleet, logsFolder, colorsFor(host, host.stdout).bold));
      } catch (error) {
        if (!interrupt.signal.aborted) throw error;
        print(host.stderr, "interrupted: what had been started is ended");
        exitWith(exitCodes.interrupted);
      } finally {
        stopListening();
      }
    });
}

/** @returns its absolute path @throws {SQUALL_FILE} when it cannot be written: better told before anything is started */
function appendableFile(file: string): string {
  try {
    closeSync(openSync(file, "a"));
  } catch (error) {
    throw new SquallError("SQUALL_FILE", `--traces: cannot write ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return resolve(file);
}

function addressesOf(fleet: Fleet, logs: string): unknown {
  return {
    target: fleet.target.name,
    settings: fleet.settings,
    entry: fleet.entry,
    proxyApi: fleet.proxyApi,
    receiver: fleet.receiver,
    logs,
    edges: fleet.edges.map((edge) => ({
      edge: formatEdge(edge),
      proxy: edge.proxy,
      listen: formatAddress(edge.listen),
      upstream: formatAddress(edge.upstream),
    })),
    stores: Object.fromEntries(fleet.stores),
    replicas: Object.fromEntries(
      [...fleet.replicas].map(([service, replicas]) => [service, replicas.map(({ name }) => name)]),
    ),
    processes: fleet.processes,
  };
}

function describeFleet(fleet: Fleet, logs: string, bold: (text: string) => string): readonly string[] {
  const width = Math.max(...fleet.edges.map((edge) => formatEdge(edge).length));
  const several = [...fleet.replicas].flatMap(([service, { length }]) =>
    length > 1 ? [`${service} ${length}`] : [],
  );
  return [
    `${fleet.target.name} is up; squall down ends it`,
    `  entry      ${bold(fleet.entry)}`,
    `  proxy API  ${fleet.proxyApi}`,
    `  receiver   ${fleet.receiver}`,
    `  logs       ${logs}`,
    ...(several.length > 0 ? [`  replicas   ${several.join(", ")}; squall scale lists them`] : []),
    "edges, each broken by its name (squall fault add --help)",
    ...fleet.edges.map(
      (edge) =>
        `  ${formatEdge(edge).padEnd(width)}  ${formatAddress(edge.listen)} => ${formatAddress(edge.upstream)}`,
    ),
  ];
}
