import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Client, DatabaseError } from "pg";
import type { Address } from "../../base/address.ts";
import { startChild, untilReady, type Child } from "./child.ts";
import type { Credentials } from "./fleet-plan.ts";
import { makeOnce } from "./make-once.ts";
import { dataFolderName, type PostgresHome } from "./postgres-home.ts";
import type { StateFolder } from "../state-folder.ts";
import { runTool } from "./tool.ts";

/**
 * A store: one PostgreSQL server with one database.
 *
 *   initdb, once ─→ template ─copied, once a store and start→ data folder ─→ postgres
 */

const user = "squall";
/** As initdb calls it. */
const firstDatabase = "postgres";
const readyWithinMs = 30_000;

/** An initialised data folder to copy, and who may log in to the copies. */
export interface PostgresTemplate extends Credentials {
  readonly data: string;
}

/** The template for this version of PostgreSQL, made when there is none. */
export async function openTemplate(
  state: StateFolder,
  home: PostgresHome,
  signal: AbortSignal,
): Promise<PostgresTemplate> {
  const folder = join(home.cache, `one-database-${home.version}`);
  await makeOnce(folder, (partial) => initialise(state, home, partial, signal));
  return {
    user,
    password: readFileSync(join(folder, "password"), "utf8"),
    data: join(folder, "data"),
  };
}

async function initialise(
  state: StateFolder,
  home: PostgresHome,
  partial: string,
  signal: AbortSignal,
): Promise<void> {
  mkdirSync(partial, { mode: 0o700 });
  const password = join(partial, "password");
  writeFileSync(password, randomBytes(24).toString("hex"), { mode: 0o600 });
  if (home.runAs) for (const path of [partial, password]) chownSync(path, home.runAs.uid, home.runAs.gid);
  await runTool(state, {
    name: "initdb",
    command: [
      join(home.native, "bin", "initdb"),
      `--pgdata=${join(partial, "data")}`,
      `--username=${user}`,
      `--pwfile=${password}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      // Of a data folder's 39 MB, half would be empty log, copied for each store.
      "--wal-segsize=1",
      ...["--set=min_wal_size=2MB", "--set=max_wal_size=2MB"],
      "--no-sync",
      "--no-instructions",
    ],
    runAs: home.runAs,
    signal,
  });
  // A database is 300 files, copied for each store, and a store needs one: nobody creates another from a template in it.
  await runTool(state, {
    name: "drop-templates",
    command: [join(home.native, "bin", "postgres"), "--single", "-D", join(partial, "data"), firstDatabase],
    input: [
      `update pg_database set datistemplate = false where datname <> '${firstDatabase}';`,
      "drop database template0;",
      "drop database template1;",
      "",
    ].join("\n"),
    runAs: home.runAs,
    signal,
  });
}

/** Settings for several servers on one small machine, each for one service. */
const settings: Readonly<Record<string, string | number>> = {
  // Loopback TCP only: a socket in a folder would be a way past the proxies.
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  shared_buffers: "16MB",
  huge_pages: "off",
  max_connections: 60,
  // A killed process loses nothing that it wrote, with or without these; only a crash of the whole machine would, and
  // the data does not outlive the fleet. So nobody waits for the disk.
  fsync: "off",
  full_page_writes: "off",
  // No process but those that serve: no replication, no parallel queries, no I/O workers (three a server), one vacuum.
  wal_level: "minimal",
  max_wal_senders: 0,
  max_worker_processes: 0,
  max_logical_replication_workers: 0,
  max_parallel_workers: 0,
  io_method: "sync",
  autovacuum_max_workers: 1,
  autovacuum_worker_slots: 1,
  wal_init_zero: "off",
  checkpoint_timeout: "30min",
  max_wal_size: "256MB",
  jit: "off",
  log_checkpoints: "off",
  // Without DETAIL, which tells the row that was refused: a log is no place for a customer's data.
  log_error_verbosity: "terse",
  timezone: "UTC",
  log_timezone: "UTC",
};

export interface ClusterSpec {
  /** Of the store and of its database. */
  readonly name: string;
  readonly address: Address;
  readonly logFile: string;
  readonly signal: AbortSignal;
  /** Told as soon as the server's process exists. */
  readonly onStarted: (child: Child) => void;
}

/**
 * Starts a store on a copy of the template.
 * @throws {SQUALL_FLEET_START}
 */
export async function startCluster(
  state: StateFolder,
  home: PostgresHome,
  template: PostgresTemplate,
  { name, address, logFile, signal, onStarted }: ClusterSpec,
): Promise<void> {
  const data = join(home.folder, dataFolderName, name);
  // By `cp`, run as the user that PostgreSQL runs as: the copy belongs to that user, as PostgreSQL demands.
  await runTool(state, {
    name: "copy-template",
    command: ["cp", "-a", template.data, data],
    runAs: home.runAs,
    signal,
  });
  signal.throwIfAborted();
  const child = await startChild(state, {
    name,
    role: "store",
    command: [
      join(home.native, "bin", "postgres"),
      ...["-D", data, "-p", String(address.port)],
      ...Object.entries(settings).flatMap(([setting, value]) => ["-c", `${setting}=${value}`]),
    ],
    folder: home.folder,
    environment: { LC_ALL: "C" },
    logFile,
    runAs: home.runAs,
  });
  onStarted(child);
  const probe = () => giveDatabase(name, address, template);
  await untilReady(child, { withinMs: readyWithinMs, signal, probe });
}

/** Makes a folder for the stores' data, as the user that PostgreSQL runs as. */
export function makeDataFolder({ folder, runAs }: PostgresHome): void {
  const data = join(folder, dataFolderName);
  mkdirSync(data, { recursive: true, mode: 0o700 });
  if (runAs) chownSync(data, runAs.uid, runAs.gid);
}

/**
 * Gives the only database its name, in a millisecond where `create database` takes fifty. `alter database` would have to
 * be said in another one.
 */
async function giveDatabase(
  name: string,
  { host, port }: Address,
  login: PostgresTemplate,
): Promise<boolean> {
  const client = new Client({
    host,
    port,
    user: login.user,
    password: login.password,
    database: firstDatabase,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
  });
  // A server that goes away under the connection; the query's rejection tells.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("update pg_database set datname = $1 where datname = current_database()", [name]);
    return true;
  } catch (error) {
    if (error instanceof DatabaseError && error.code === noSuchDatabase) return true; // it has its name
    throw error;
  } finally {
    await client.end();
  }
}

/** SQLSTATE invalid_catalog_name. */
const noSuchDatabase = "3D000";
