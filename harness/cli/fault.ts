import { Argument, Command } from "commander";
import { parseEdge, formatEdge } from "../base/edge.ts";
import { SquallError } from "../base/errors.ts";
import { formatDuration, formatRatio, formatSize, parseDurationMs } from "../base/units.ts";
import { plainDocument, problemsIn } from "../base/yaml-document.ts";
import { faultKinds, faultSchema, type Fault } from "../experiment/fault.ts";
import { describeFault, injectFault } from "../faults/fault.ts";
import { proxyApi, type ProxyApi, type ProxyEvidence } from "../faults/proxy-api.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import type { Host } from "./host.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

/** The fields of faults, as flags: what an experiment writes as `delay: 3s` is `--delay 3s` here. */
const fieldFlags = [
  ["--delay <duration>", "latency, slicer, slow-close"],
  ["--jitter <duration>", "latency"],
  ["--rate <data rate>", "bandwidth"],
  ["--after <duration>", "timeout, reset-peer"],
  ["--average-size <size>", "slicer"],
  ["--size-variation <size>", "slicer"],
  ["--size <size>", "limit-data"],
  ["--stream <direction>", "downstream (what the callee answers) or upstream"],
  ["--toxicity <share>", "share of new connections that are touched"],
] as const;

interface AddFlags {
  readonly edge: string;
  readonly for: string;
  readonly target?: string;
  readonly json?: true;
  readonly [field: string]: string | true | undefined;
}

export function faultCommand({ host }: CommandContext): Command {
  const add = new Command("add")
    .description("break one edge of the fleet that is up; ends by itself after --for")
    .addArgument(new Argument("<kind>", "what to do to it").choices([...faultKinds]))
    .requiredOption("--edge <edge>", "'caller -> callee', as squall up lists them")
    .option("--for <duration>", "how long it lasts unless removed", "10m")
    .option("--target <file>", targetHelp)
    .option("--json", "its name and end, as JSON")
    .addHelpText(
      "after",
      examples(
        "squall fault add latency --edge 'payment -> gateway-a' --delay 3s --jitter 500ms --for 60s",
        "squall fault add down --edge 'gateway -> recommendation'",
        "squall fault add bandwidth --edge 'gateway -> catalog' --rate 30KB/s",
      ),
    )
    .action((kind: string, flags: AddFlags) => addFault(host, kind, flags));
  for (const [flag, kinds] of fieldFlags) add.option(flag, kinds);

  const list = new Command("list")
    .description("what is broken now, and what it has touched")
    .option("--target <file>", targetHelp)
    .option("--json", "the faults as JSON")
    .addHelpText("after", examples("squall fault list"))
    .action((flags: { target?: string; json?: true }) => listFaults(host, flags));

  const remove = new Command("remove")
    .description("end a fault at once")
    .argument("[name]", "its name, as squall fault list shows it")
    .option("--all", "every fault")
    .option("--target <file>", targetHelp)
    .addHelpText("after", examples("squall fault remove latency-1", "squall fault remove --all"))
    .action((name: string | undefined, flags: { all?: true; target?: string }) =>
      removeFaults(host, name, flags),
    );

  return new Command("fault")
    .description("break edges of a running fleet by hand")
    .addCommand(add)
    .addCommand(list)
    .addCommand(remove);
}

async function addFault(host: Host, kind: string, flags: AddFlags): Promise<void> {
  const fleet = await runningFleet(host, flags.target);
  const fault = faultFrom(kind, flags, fleet);
  const ttlMs = ttlFrom(flags.for);
  const name = formatEdge(fault.edge);
  const edge = fleet.edges.find((edge) => formatEdge(edge) === name);
  if (edge === undefined) throw new Error(`the fleet has no proxy on ${name}, which its target has`);

  const api = proxyApi(fleet.proxyApi);
  const lease = freeName(kind, await api.evidence());
  await api.renewLease(lease, ttlMs);
  try {
    await injectFault(fault, { api, proxy: edge.proxy, lease });
  } catch (error) {
    await api.endLease(lease);
    throw error;
  }
  if (flags.json === true) printJson(host, { name: lease, fault: describeFault(fault), ttlMs });
  else
    print(
      host.stdout,
      `${lease}: ${describeFault(fault)}`,
      `ends by itself in ${formatDuration(ttlMs)}, or at once by: squall fault remove ${lease}`,
    );
}

/** @throws {SQUALL_USAGE} with every problem, in the words of the flags */
function faultFrom(kind: string, flags: AddFlags, fleet: Fleet): Fault {
  const given = fieldFlags.flatMap(([flag]): [string, unknown][] => {
    const field = /^--(\S+)/.exec(flag)?.[1] ?? "";
    const value = flags[field.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
    return value === undefined ? [] : [[field, value]];
  });
  const schema = faultSchema(fleet.edges);
  const document = plainDocument(
    { [kind]: { edge: spaced(flags.edge), ...Object.fromEntries(given) } },
    "squall fault add",
    "fault",
  );
  const problems = problemsIn(document, schema).map(
    ({ path, message }) => `--${path.replace(`${kind}.`, "")}: ${message}`,
  );
  if (problems.length > 0) throw new SquallError("SQUALL_USAGE", problems.join("\n"));
  return schema.parse(document.value);
}

/** How long a fault may be asked to live: what a lease of the proxy may. */
const shortestMs = 100;
const longestMs = 86_400_000;

/** @throws {SQUALL_USAGE} */
function ttlFrom(given: string): number {
  const ttlMs = parseDurationMs(given);
  if (ttlMs !== undefined && ttlMs >= shortestMs && ttlMs <= longestMs) return Math.round(ttlMs);
  throw new SquallError("SQUALL_USAGE", `--for: expected a duration from 100ms to 24h, got "${given}"`);
}

function spaced(edge: string): string {
  const parsed = parseEdge(edge);
  return parsed === undefined ? edge : formatEdge(parsed);
}

async function listFaults(host: Host, flags: { target?: string; json?: true }): Promise<void> {
  const fleet = await runningFleet(host, flags.target);
  const faults = activeFaults(await proxyApi(fleet.proxyApi).evidence());
  if (flags.json === true) return printJson(host, faults);
  if (faults.length === 0) return print(host.stdout, "nothing is broken");
  const edgeOf = new Map(fleet.edges.map((edge) => [edge.proxy, formatEdge(edge)]));
  const rows = faults.map((fault) => [
    fault.lease ?? fault.name,
    edgeOf.get(fault.proxy) ?? fault.proxy,
    [fault.type, ...attributesText(fault)].join(" "),
    `for ${formatDuration(Math.max(0, Date.now() - fault.started_at_ms))} so far`,
    `touched ${fault.affected.connections} connections, ${formatSize(fault.affected.bytes)}`,
  ]);
  print(host.stdout, ...columns(rows));
}

function attributesText({
  attributes,
  stream,
  toxicity,
}: ProxyEvidence["faults"][number]): readonly string[] {
  return [
    ...Object.entries(attributes ?? {}).map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    ...(stream === "upstream" ? [stream] : []),
    ...(typeof toxicity === "number" && toxicity < 1 ? [formatRatio(toxicity)] : []),
  ];
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

async function removeFaults(
  host: Host,
  name: string | undefined,
  flags: { all?: true; target?: string },
): Promise<void> {
  if ((name === undefined) === (flags.all === undefined))
    throw new SquallError("SQUALL_USAGE", "expected the name of a fault, or --all", {
      hint: "squall fault list shows the names",
    });
  const fleet = await runningFleet(host, flags.target);
  const api = proxyApi(fleet.proxyApi);
  const active = activeFaults(await api.evidence());
  const leases = leasesOf(active).filter((lease) => name === undefined || lease === name);
  if (name !== undefined && leases.length === 0)
    throw new SquallError("SQUALL_USAGE", `there is no fault "${name}"`, {
      hint: `squall fault list shows them; there ${active.length === 1 ? "is 1" : `are ${active.length}`}`,
    });
  for (const lease of leases) await endLease(api, lease, host);
  const foreign = name === undefined ? active.filter(({ lease }) => lease === null) : [];
  for (const { proxy, name: toxic } of foreign)
    print(host.stderr, `${toxic} on ${proxy} was put there by another client of the proxy; it must end it`);
  if (leases.length + foreign.length === 0) print(host.stdout, "nothing was broken");
}

async function endLease(api: ProxyApi, lease: string, host: Host): Promise<void> {
  await api.endLease(lease);
  print(host.stdout, `${lease}: ended`);
}

function activeFaults({ faults }: ProxyEvidence): ProxyEvidence["faults"] {
  return faults.filter((fault) => fault.ended_at_ms === null);
}

function leasesOf(faults: ProxyEvidence["faults"]): readonly string[] {
  return [...new Set(faults.flatMap(({ lease }) => lease ?? []))];
}

/** "latency-2": the kind, and the first number that no fault has had. */
function freeName(kind: string, { faults }: ProxyEvidence): string {
  const used = new Set(leasesOf(faults));
  let number = 1;
  while (used.has(`${kind}-${number}`)) number += 1;
  return `${kind}-${number}`;
}

/** @throws {SQUALL_NO_FLEET} when none is up */
async function runningFleet(host: Host, file: string | undefined): Promise<Fleet> {
  const target = targetOrShop(file);
  const fleet = await host.runtime.attach(target);
  if (fleet === undefined)
    throw new SquallError("SQUALL_NO_FLEET", `no fleet of ${target.name} is up`, {
      hint: "squall up starts one",
    });
  return fleet;
}
