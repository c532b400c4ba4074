import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { formatAddress, type Address } from "../base/address.ts";
import { SquallError, messageOf, type ErrorCode } from "../base/errors.ts";
import { listen } from "../base/listen.ts";
import { waitFor } from "../base/wait.ts";

/** A Prometheus that is there, with the tool that comes with it. */
export interface PrometheusPrograms {
  /** Paths, or names on the PATH. */
  readonly prometheus: string;
  readonly promtool: string;
}

const hint =
  "both are in Debian's and Ubuntu's package prometheus, Homebrew's prometheus, and at https://prometheus.io/download/; " +
  "SQUALL_PROMETHEUS and SQUALL_PROMTOOL name them where they are not on the PATH";
const answersWithinMs = 10_000;
/** Those of 50 s of the shop take half a second. */
const blocksWithinMs = 600_000;
const readyWithinMs = 30_000;
const endsWithinMs = 5_000;

/**
 * Finds Prometheus.
 * @param named the programs, where the user names them; @default those of the PATH
 * @throws {SQUALL_UNSUPPORTED} when one is not there
 */
export async function findPrometheus(named: Partial<PrometheusPrograms> = {}): Promise<PrometheusPrograms> {
  const { prometheus = "prometheus", promtool = "promtool" } = named;
  for (const program of [prometheus, promtool]) await requireProgram(program, "SQUALL_UNSUPPORTED");
  return { prometheus, promtool };
}

/**
 * Finds promtool alone, for a run that needs it.
 * @param named the program, where the user names it; @default promtool of the PATH
 * @throws {SQUALL_PREFLIGHT} when it is not there
 */
export async function findPromtool(named = "promtool"): Promise<string> {
  await requireProgram(named, "SQUALL_PREFLIGHT");
  return named;
}

async function requireProgram(program: string, code: ErrorCode): Promise<void> {
  try {
    await promisify(execFile)(program, ["--version"], { timeout: answersWithinMs });
  } catch (error) {
    throw new SquallError(code, `"${program}" cannot be run: ${messageOf(error)}`, { hint, cause: error });
  }
}

/**
 * Has promtool read a file of rules.
 * @throws {SQUALL_PREFLIGHT} when it finds a mistake in it, with what it said
 */
export async function checkRules(promtool: string, file: string): Promise<void> {
  try {
    await promisify(execFile)(promtool, ["check", "rules", file], { timeout: answersWithinMs });
  } catch (error) {
    throw new SquallError("SQUALL_PREFLIGHT", `promtool refuses the rules of ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Has promtool make the blocks of a Prometheus' storage.
 * @param text OpenMetrics with times, in pieces
 * @param folder an empty folder to work in; the blocks are in its `data`
 * @throws {SQUALL_UNSUPPORTED} when promtool refuses, with what it said
 */
export async function makeBlocks(
  promtool: string,
  text: Iterable<string>,
  folder: string,
  signal?: AbortSignal,
): Promise<{ readonly data: string }> {
  const file = join(folder, "run.openmetrics");
  const data = join(folder, "data");
  await pipeline(Readable.from(text), createWriteStream(file));
  try {
    await promisify(execFile)(
      promtool,
      ["tsdb", "create-blocks-from", "openmetrics", "--quiet", file, data],
      {
        timeout: blocksWithinMs,
        ...(signal && { signal }),
      },
    );
  } catch (error) {
    throw new SquallError("SQUALL_UNSUPPORTED", `promtool could not make blocks: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    await rm(file, { force: true });
  }
  return { data };
}

/** A Prometheus of its own that answers queries about what it was given, until it is disposed of. */
export interface PrometheusServer extends AsyncDisposable {
  /** "http://127.0.0.1:9090" */
  readonly url: string;
  /** Rejects when it ends by itself. */
  readonly ended: Promise<never>;
}

export interface ServeOptions extends PrometheusPrograms {
  readonly text: Iterable<string>;
  readonly listen: Address;
  /** After how long without a sample a series is absent: Prometheus' 5 minutes would outlast a run. */
  readonly lookbackMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Serves metrics by a real Prometheus, from a temporary folder that goes with it.
 * @throws {SQUALL_PORT_IN_USE} when the port is taken
 * @throws {SQUALL_UNSUPPORTED} when promtool or Prometheus refuses, with what it said
 * @throws {SQUALL_TIMEOUT} when Prometheus is not ready in time
 */
export async function servePrometheus(options: ServeOptions): Promise<PrometheusServer> {
  const { prometheus, promtool, text, listen: address, lookbackMs, signal } = options;
  // Whoever is there already would answer in its place.
  await requireFree(address);
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "squall-prometheus-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const { data } = await makeBlocks(promtool, text, folder, signal);
  const config = join(folder, "prometheus.yml");
  await writeFile(config, "global: {}\n");

  const url = `http://${formatAddress(address)}`;
  const child = spawn(
    prometheus,
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      // A run is kept however old it is.
      "--storage.tsdb.retention.time=100y",
      `--query.lookback-delta=${lookbackMs}ms`,
      `--web.listen-address=${formatAddress(address)}`,
      "--log.level=warn",
    ],
    // In a process group of its own: Ctrl-C is for squall, which then ends it in order.
    { stdio: ["ignore", "ignore", "pipe"], detached: true },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => (said = (said + piece).slice(-saidLength)));
  const exited = once(child, "close").then(
    ([code, by]) => `${by === null ? "exit code" : "signal"} ${JSON.stringify(by ?? code)} ${said}`.trim(),
    messageOf,
  );
  const ended = exited.then((how): never => {
    throw new SquallError("SQUALL_UNSUPPORTED", `prometheus ended with ${how}`);
  });
  ended.catch(() => undefined); // whoever awaits it is told
  opened.defer(async () => {
    const kill = setTimeout(() => child.kill("SIGKILL"), endsWithinMs);
    child.kill("SIGTERM");
    await exited;
    clearTimeout(kill);
  });
  const over = new AbortController();
  const ready = waitFor(
    {
      what: `prometheus answers ${url}/-/ready`,
      withinMs: readyWithinMs,
      signal: AbortSignal.any([over.signal, ...(signal ? [signal] : [])]),
    },
    async () => (await fetch(`${url}/-/ready`)).ok,
  );
  try {
    await Promise.race([ready, ended]);
  } finally {
    over.abort();
    await ready.catch(() => undefined); // told already
  }
  const kept = opened.move();
  return { url, ended, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const saidLength = 4_000;

async function requireFree(address: Address): Promise<void> {
  const server = createServer();
  await listen(server, address).catch((cause: unknown) => {
    throw new SquallError("SQUALL_PORT_IN_USE", messageOf(cause), {
      hint: "--listen names another address",
      cause,
    });
  });
  await new Promise((resolve) => server.close(resolve));
}
