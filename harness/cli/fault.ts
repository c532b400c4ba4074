import { Command } from "commander";
import { parseEdge, formatEdge } from "../base/edge.ts";
import { SquallError } from "../base/errors.ts";
import { unknownName } from "../base/fields.ts";
import { formatDuration, parseDurationMs } from "../base/units.ts";
import { plainDocument, problemsIn } from "../base/yaml-document.ts";
import { notedCalls } from "../engine/noted-deeds.ts";
import { describeDeed, type Note, type PlannedDeed } from "../engine/planned-deed.ts";
import { blastRadius } from "../experiment/blast-radius.ts";
import { faultSchema, isEdgeFault, type EdgeFault } from "../experiment/fault.ts";
import { hoursBreaches, limitBreaches, requireNoBreach } from "../experiment/limit-breach.ts";
import { servicesTouched } from "../experiment/touch.ts";
import { describeFault, injectFault } from "../faults/fault.ts";
import { openProxy } from "../faults/open-proxy.ts";
import {
  isCounted,
  proxyApi,
  proxyCalls,
  type FaultEvidence,
  type ProxyApi,
  type ProxyEvidence,
} from "../faults/proxy-api.ts";
import type { Fleet } from "../runtimes/runtime.ts";
import { targetEdges } from "../target/target-edge.ts";
import { examples, print, printJson, type CommandContext } from "./command-context.ts";
import { addFieldFlags, fieldsFrom, kindsHelp, readKind, type FlagValues } from "./fault-flags.ts";
import { faultLines } from "./fault-list.ts";
import type { Host } from "./host.ts";
import { chooseRuntime, runtimeWords, withRuntime, type RuntimeFlags } from "./runtime-flags.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

interface AddFlags extends FlagValues, FleetFlags {
  readonly edge: string;
  readonly for: string;
  readonly json?: true;
  readonly dryRun?: true;
}

interface FleetFlags extends RuntimeFlags {
  readonly target?: string;
}

interface ListFlags extends FleetFlags {
  readonly json?: true;
}

interface RemoveFlags extends FleetFlags {
  readonly all?: true;
}

export function faultCommand({ host }: CommandContext): Command {
  const add = withRuntime(new Command("add"))
    .description("break one edge of the fleet that is up; ends by itself after --for")
    .argument("<kind>", "what to do to it, of the kinds below", readKind)
    .requiredOption("--edge <edge>", "'caller -> callee', as squall up lists them")
    .option("--for <duration>", "how long it lasts unless removed", "10m")
    .option("--target <file>", targetHelp)
    .option("--json", "its name and end, as JSON")
    .option("--dry-run", "say what would be called at the proxy, and change nothing")
    .addHelpText(
      "after",
      `${kindsHelp}\n${examples(
        "squall fault add latency --edge 'payment -> gateway-a' --delay 3s --jitter 500ms --for 60s",
        "squall fault add down --edge 'gateway -> recommendation' --dry-run",
        "squall fault add http-lost-response --edge 'order -> payment' --match 'POST /payments' --nth 2",
        "squall fault add http-status --edge 'gateway -> catalog' --status 503 --probability 10%",
        "squall fault add pg-error --edge 'order -> order-db' --code 40001 --match 'insert into orders' --times 3",
      )}`,
    )
    .action((kind: EdgeFault["kind"], flags: AddFlags) => addFault(host, kind, flags));
  addFieldFlags(add);

  const list = withRuntime(new Command("list"))
    .description("what is broken now, and what it has touched")
    .option("--target <file>", targetHelp)
    .option("--json", "the faults as JSON")
    .addHelpText("after", examples("squall fault list", "squall fault list --runtime docker"))
    .action((flags: ListFlags) => listFaults(host, flags));

  const remove = withRuntime(new Command("remove"))
    .description("end a fault at once")
    .argument("[name]", "its name, as squall fault list shows it")
    .option("--all", "every fault")
    .option("--target <file>", targetHelp)
    .addHelpText("after", examples("squall fault remove latency-1", "squall fault remove --all"))
    .action((name: string | undefined, flags: RemoveFlags) => removeFaults(host, name, flags));

  return new Command("fault")
    .description("break edges of a running fleet by hand")
    .addCommand(add)
    .addCommand(list)
    .addCommand(remove);
}

async function addFault(host: Host, kind: EdgeFault["kind"], flags: AddFlags): Promise<void> {
  const fleet = await runningFleet(host, flags);
  const fault = faultFrom(kind, flags, fleet);
  const ttlMs = ttlFrom(flags.for);
  const name = formatEdge(fault.edge);
  const edge = fleet.edges.find((edge) => formatEdge(edge) === name);
  if (edge === undefined) throw new Error(`the fleet has no proxy on ${name}, which its target has`);

  const opened = await openProxy(fleet.proxyApi);
  if (!opened.endsByLease)
    throw new SquallError(
      "SQUALL_UNSUPPORTED",
      `${opened.name} ends no fault by itself: this one would last until somebody thinks of it`,
      { hint: "squall run takes back what it puts there; Squall's own proxy ends a fault after --for" },
    );
  const calls: PlannedDeed[] = [];
  const note: Note = (call) => void calls.push(call);
  const api =
    flags.dryRun === true ? proxyApi(fleet.proxyApi, notedCalls(note, proxyCalls(fleet.proxyApi))) : opened;
  const evidence = await api.evidence();
  requireWithinLimits(fault, { fleet, evidence, ttlMs, nowMs: host.clock.nowMs() });
  const lease = freeName(kind, evidence);
  await api.renewLease(lease, ttlMs);
  try {
    const placeOf = (name: string): string => placeOfActive(name, evidence);
    await injectFault(fault, { api, proxy: edge.proxy, toxic: lease, lease, placeOf });
  } catch (error) {
    await api.endLease(lease);
    throw error;
  }
  if (flags.dryRun === true) {
    if (flags.json === true) return printJson(host, { fault: describeFault(fault), ttlMs, deeds: calls });
    print(
      host.stdout,
      `${describeFault(fault)}, for ${formatDuration(ttlMs)} at most`,
      ...calls.map((call) => `  ${describeDeed(call)}`),
      "nothing was changed: this is a dry run",
    );
  } else if (flags.json === true) printJson(host, { name: lease, fault: describeFault(fault), ttlMs });
  else
    print(
      host.stdout,
      `${lease}: ${describeFault(fault)}`,
      `ends by itself in ${formatDuration(ttlMs)}, or at once by: squall fault remove ${[lease, ...runtimeWords(flags)].join(" ")}`,
    );
}

interface Asked {
  readonly fleet: Fleet;
  readonly evidence: ProxyEvidence;
  readonly ttlMs: number;
  readonly nowMs: number;
}

/**
 * What is broken already counts as well. There is no going beyond: nothing would keep why.
 * @throws {SQUALL_LIMITS}
 */
function requireWithinLimits(fault: EdgeFault, { fleet, evidence, ttlMs, nowMs }: Asked): void {
  const { target } = fleet;
  const radius = blastRadius({ faults: [fault], phases: { faultMs: ttlMs } }, target);
  const broken = activeFaults(evidence).map(({ proxy }) => proxy);
  const edges = fleet.edges.filter(({ proxy }) => broken.includes(proxy));
  const services = [...new Set([...servicesTouched({ edges, processes: [] }, target), ...radius.services])];
  const breaches = [
    ...limitBreaches({ ...radius, services }, target.limits, () => describeFault(fault)),
    ...hoursBreaches({ startMs: nowMs, endMs: nowMs + ttlMs }, target.limits),
  ];
  requireNoBreach(breaches, {
    what: describeFault(fault),
    target,
    hint: `the limits are set in ${target.file}; an experiment may go beyond them, on record: squall run --help`,
  });
}

/** Where on the proxy's API the fault is that another waits for. @throws {SQUALL_USAGE} when there is none */
function placeOfActive(name: string, evidence: ProxyEvidence): string {
  const active = activeFaults(evidence);
  const named = active.find(({ lease }) => lease === name);
  if (named === undefined)
    throw new SquallError("SQUALL_USAGE", `--after: ${unknownName("fault", name, leasesOf(active))}`, {
      hint: "squall fault list shows them; a call instead of a fault is written '{match: POST /orders}'",
    });
  return `${named.proxy}/${named.name}`;
}

/** @throws {SQUALL_USAGE} with every problem, in the words of the flags */
function faultFrom(kind: EdgeFault["kind"], flags: AddFlags, fleet: Fleet): EdgeFault {
  const schema = faultSchema(targetEdges(fleet.target));
  const document = plainDocument(
    { [kind]: { edge: spaced(flags.edge), ...fieldsFrom(flags) } },
    "squall fault add",
    "fault",
  );
  const problems = problemsIn(document, schema).map(({ path, message }) =>
    path === kind ? `${kind}: ${message}` : `--${path.replace(`${kind}.`, "")}: ${message}`,
  );
  if (problems.length > 0)
    throw new SquallError(
      "SQUALL_USAGE",
      problems.join("\n"),
      // A shell takes an arrow without quotes as the place where the output goes.
      flags.edge.endsWith("-") ? { hint: "put the edge in quotes: --edge 'caller -> callee'" } : {},
    );
  const fault = schema.parse(document.value);
  if (!isEdgeFault(fault)) throw new Error(`${kind} is a fault of an edge`);
  return fault;
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

async function listFaults(host: Host, flags: ListFlags): Promise<void> {
  const fleet = await runningFleet(host, flags);
  const api = await openProxy(fleet.proxyApi);
  const [evidence, leases] = await Promise.all([api.evidence(), api.leases()]);
  const edgeOf = new Map(fleet.edges.map((edge) => [edge.proxy, formatEdge(edge)]));
  const faults = activeFaults(evidence).map((fault) => ({
    evidence: fault,
    edge: edgeOf.get(fault.proxy) ?? fault.proxy,
    endsInMs: earliest(
      fault.lease === null ? undefined : leases.get(fault.lease),
      isCounted(fault) ? fault.expires_in_ms : undefined,
    ),
  }));
  if (flags.json === true)
    return printJson(
      host,
      faults.map(({ evidence, endsInMs }) => ({ ...evidence, ends_in_ms: endsInMs ?? null })),
    );
  if (faults.length === 0) return print(host.stdout, "nothing is broken");
  print(host.stdout, ...faults.flatMap(faultLines));
}

function earliest(...timesMs: readonly (number | null | undefined)[]): number | undefined {
  const known = timesMs.filter((timeMs) => typeof timeMs === "number");
  return known.length === 0 ? undefined : Math.min(...known);
}

async function removeFaults(host: Host, name: string | undefined, flags: RemoveFlags): Promise<void> {
  if ((name === undefined) === (flags.all === undefined))
    throw new SquallError("SQUALL_USAGE", "expected the name of a fault, or --all", {
      hint: "squall fault list shows the names",
    });
  const fleet = await runningFleet(host, flags);
  const api = await openProxy(fleet.proxyApi);
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

function activeFaults({ faults }: ProxyEvidence): readonly FaultEvidence[] {
  return faults.filter((fault) => fault.ended_at_ms === null);
}

function leasesOf(faults: readonly FaultEvidence[]): readonly string[] {
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
async function runningFleet(host: Host, flags: FleetFlags): Promise<Fleet> {
  const { runtime, target } = await chooseRuntime(host, flags, targetOrShop(flags.target));
  const fleet = await runtime.attach(target);
  if (fleet === undefined)
    throw new SquallError("SQUALL_NO_FLEET", `no fleet of ${target.name} is up`, {
      hint: flags.runtime === "docker" ? "docker compose up --wait" : "squall up starts one",
    });
  return fleet;
}
