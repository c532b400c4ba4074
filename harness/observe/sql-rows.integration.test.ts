import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { messageOf } from "../base/errors.ts";
import { endProcesses } from "../runtimes/process/end-processes.ts";
import { storeUrl } from "../runtimes/process/fleet-plan.ts";
import type { FleetProcess } from "../runtimes/process/fleet-state.ts";
import { createPortPicker } from "../runtimes/process/free-ports.ts";
import { makeDataFolder, openTemplate, startCluster } from "../runtimes/process/postgres-cluster.ts";
import { openPostgresHome } from "../runtimes/process/postgres-home.ts";
import { stateFolder } from "../runtimes/state-folder.ts";
import { readSqlRows } from "./sql-rows.ts";

const state = stateFolder(join(mkdtempSync(join(tmpdir(), "squall-sql-")), ".squall"));
const started: FleetProcess[] = [];
let url: string;

beforeAll(async () => {
  const { signal } = new AbortController();
  const home = await openPostgresHome(state, signal);
  const template = await openTemplate(state, home, signal);
  makeDataFolder(home);
  const address = { host: "127.0.0.1", port: await createPortPicker("127.0.0.1").pick() };
  const logFile = join(state.path, "test-db.log");
  const onStarted = (child: FleetProcess): void => void started.push(child);
  await startCluster(state, home, template, { name: "test-db", address, logFile, signal, onStarted });
  url = storeUrl("test-db", address, template);
  const client = new Client(url);
  await client.connect();
  await client.query(
    "create table orders (id text primary key, total_cents int, at timestamptz, note jsonb)",
  );
  await client.query(
    `insert into orders values ('o1', 1200, '2026-11-01T10:00:00Z', '{"a":1}'), ('o2', null, null, null)`,
  );
  await client.end();
});

afterAll(async () => {
  await endProcesses(started);
  rmSync(realpathSync(state.postgres), { recursive: true, force: true });
  rmSync(join(state.path, ".."), { recursive: true, force: true });
});

function read(sql: string, signal = AbortSignal.timeout(10_000)) {
  return readSqlRows(url, sql, signal);
}

test("rows come with plain cells under the query's own names", async () => {
  expect(
    await read('select id as "orderId", total_cents as "totalCents", at, note from orders order by id'),
  ).toEqual([
    { orderId: "o1", totalCents: 1200, at: "2026-11-01T10:00:00.000Z", note: '{"a":1}' },
    { orderId: "o2", totalCents: null, at: null, note: null },
  ]);
  expect(await read("select * from orders where false")).toEqual([]);
});

test("counts and sums come as numbers, and what a number cannot hold exactly stays text", async () => {
  expect(
    await read(`select count(*) as count, sum(total_cents::bigint) as sum, 1.5::numeric as fraction,
      9007199254740993::bigint as large, true as flag from orders`),
  ).toEqual([{ count: 2, sum: 1200, fraction: 1.5, large: "9007199254740993", flag: true }]);
});

test("reading changes nothing, whatever the query says", async () => {
  await expect(read("delete from orders returning id")).rejects.toThrow("read-only");
  await expect(read("select 1; set transaction read write; delete from orders")).rejects.toThrow(
    "multiple commands",
  );
  expect(await read("select count(*) as count from orders")).toEqual([{ count: 2 }]);
});

test("a wrong query fails with what PostgreSQL says, and without the password", async () => {
  const error: unknown = await read("select nothing from orders").catch((reason: unknown) => reason);
  expect(messageOf(error)).toContain('column "nothing" does not exist');
  expect(messageOf(error)).not.toContain(new URL(url).password);
});

test("a query that takes too long is given up with the signal", async () => {
  await expect(read("select pg_sleep(60)", AbortSignal.timeout(200))).rejects.toThrow("gave up waiting");
});

test("a store that takes connections and says nothing is given up with the signal", async () => {
  const sockets: Socket[] = [];
  const hole = createServer((socket) => void sockets.push(socket));
  await new Promise<void>((resolve) => hole.listen(0, "127.0.0.1", resolve));
  const { port } = hole.address() as AddressInfo;
  const silent = `postgresql://u:p@127.0.0.1:${port}/db`;
  await expect(readSqlRows(silent, "select 1", AbortSignal.timeout(200))).rejects.toThrow("gave up waiting");
  for (const socket of sockets) socket.destroy();
  hole.close();
});

test("a store that is not there is an error that says where", async () => {
  const nowhere = "postgresql://u:p@127.0.0.1:1/db";
  await expect(readSqlRows(nowhere, "select 1", AbortSignal.timeout(5_000))).rejects.toThrow(
    "PostgreSQL at 127.0.0.1:1: connect ECONNREFUSED",
  );
});
