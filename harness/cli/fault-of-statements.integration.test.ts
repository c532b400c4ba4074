import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type DatabaseError } from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { endProcesses } from "../runtimes/process/end-processes.ts";
import { storeUrl } from "../runtimes/process/fleet-plan.ts";
import type { FleetProcess } from "../runtimes/process/fleet-state.ts";
import { createPortPicker } from "../runtimes/process/free-ports.ts";
import { makeDataFolder, openTemplate, startCluster } from "../runtimes/process/postgres-cluster.ts";
import { openPostgresHome } from "../runtimes/process/postgres-home.ts";
import { stateFolder } from "../runtimes/state-folder.ts";
import { startKiosk, type Kiosk } from "./kiosk.fixture.ts";

// Faults of statements by hand, over a real proxy to a real PostgreSQL, on one connection that is open all the time.
const state = stateFolder(join(mkdtempSync(join(tmpdir(), "squall-statements-")), ".squall"));
const started: FleetProcess[] = [];
let kiosk: Kiosk;
let client: Client;

beforeAll(async () => {
  const { signal } = new AbortController();
  const home = await openPostgresHome(state, signal);
  const template = await openTemplate(state, home, signal);
  makeDataFolder(home);
  const address = { host: "127.0.0.1", port: await createPortPicker("127.0.0.1").pick() };
  const logFile = join(state.path, "stock-db.log");
  const onStarted = (child: FleetProcess): void => void started.push(child);
  await startCluster(state, home, template, { name: "stock-db", address, logFile, signal, onStarted });
  kiosk = await startKiosk(address);
  await squall("list");
  client = new Client(storeUrl("stock-db", kiosk.listenOf("stock -> stock-db"), template));
  await client.connect();
  await client.query("create table stock (id int primary key, available int)");
  await client.query("insert into stock values (1, 10)");
});
afterAll(async () => {
  await client.end();
  await kiosk[Symbol.asyncDispose]();
  await endProcesses(started);
  rmSync(realpathSync(state.postgres), { recursive: true, force: true });
  rmSync(join(state.path, ".."), { recursive: true, force: true });
});
beforeEach(async () => {
  await squall("remove", "--all");
});

const squall = (...args: readonly string[]) => kiosk.squall("fault", ...args);
const sell = () => client.query("update stock\n  set available = available - 1 where id = $1", [1]);
const available = async (): Promise<unknown> =>
  (await client.query<{ available: number }>("select available from stock")).rows[0]?.available;

test("one statement fails as if the server had refused it, and did not run; the connection lives on", async () => {
  const before = await available();
  const flags = ["--code", "40001", "--match", "UPDATE stock SET", "--times", "1"];
  const added = await squall("add", "pg_error", "--edge", "stock->stock-db", ...flags);
  expect(added.out).toContain(
    'pg-error-1: error 40001 instead of statements with "UPDATE stock SET", at most once, on stock -> stock-db',
  );
  const error: unknown = await sell().catch((refused: unknown) => refused);
  expect((error as DatabaseError).code).toBe("40001");
  expect(await available()).toBe(before);
  await sell();
  expect(await available()).toBe(Number(before) - 1);
  expect((await squall("list")).out).toMatch(/ 2 calls matched, 1 drawn, 1 affected \(1 connection, /);
});

test("statements like the match come later, others do not", async () => {
  await squall("add", "pg-delay", "--edge", "stock->stock-db", "--delay", "150ms", "--match", "update stock");
  const startedMs = performance.now();
  await sell();
  expect(performance.now() - startedMs).toBeGreaterThanOrEqual(145);
  await available();
  expect((await squall("list")).out).toMatch(/ 1 call matched, 1 drawn, 1 affected /);
});
