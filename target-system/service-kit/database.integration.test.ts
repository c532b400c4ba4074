import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import pg from "pg";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { DatabaseUnavailable, openDatabase, type Database } from "./database.ts";
import { openRoutes } from "./identity/callers.ts";
import { createLog } from "./log.ts";
import { testIdentityDir } from "./identity/identity.fixture.ts";
import { TokenVerifier } from "./identity/token-verifier.ts";
import { parsePatterns } from "./patterns/patterns.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { createServer } from "./server.ts";
import { startTestService } from "./service.fixture.ts";
import { waitFor } from "./wait.fixture.ts";

const run = promisify(execFile);

let postgres: TestPostgres;
let url: string;
let database: Database;
/** Past the kit, as the server's administrator. */
let admin: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.database("errors");
  admin = new pg.Client(await postgres.database("admin"));
  await admin.connect();
  await admin.query("alter database errors set deadlock_timeout = '20ms'");
  database = openDatabase(url, parsePatterns("full"), pino({ level: "silent" }));
  await database.query("create table rows (id uuid primary key, small smallint, text text, document jsonb)");
  await database.query("create table counters (id int primary key, n int not null)");
});
beforeEach(() =>
  database.query("insert into counters values (1, 0), (2, 0) on conflict (id) do update set n = 0"),
);
afterAll(async () => {
  await database.close();
  await admin.end();
  await postgres[Symbol.asyncDispose]();
});

async function expectOneMore(): Promise<void> {
  await expect(database.query("select 1 as one")).resolves.toEqual([{ one: 1 }]);
}

it("a connection that the server ends in the middle of a query means no answer, and the next query gets one", async () => {
  const cut = database.query("select pg_sleep(30) /* to be ended */").catch((error: unknown) => error);
  await waitFor("the query to be ended", async () => {
    const { rowCount } = await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query like '%to be ended%' and pid <> pg_backend_pid()`,
    );
    return rowCount === 1;
  });
  expect(await cut).toBeInstanceOf(DatabaseUnavailable);
  await expectOneMore();
});

it("an idle connection that is lost is told of in nobody's trace, though it was opened in one", async () => {
  const lines: string[] = [];
  const log = createLog("test", "info", { write: (line) => void lines.push(line) });
  const told = openDatabase(url, parsePatterns("full"), log);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const ids = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1 };
  try {
    await context.with(trace.setSpanContext(ROOT_CONTEXT, ids), async () => {
      await told.query("select 1 /* then idle */");
      log.info("in the trace");
    });
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where query like '%then idle%' and pid <> pg_backend_pid()`,
    );
  } finally {
    context.disable();
  }
  await waitFor("the loss to be told", () => lines.length > 1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ msg: "in the trace", trace_id: ids.traceId });
  expect(JSON.parse(lines[1] ?? "")).toMatchObject({ msg: "idle database connection lost" });
  expect(lines[1]).not.toContain("trace_id");
  // The library hangs all of its client on the error, the key that cancels its queries among it.
  expect(lines[1]).not.toContain("secretKey");
  await told.close();
});

it("a query that the server cancels means no answer", async () => {
  const cut = database.query("select pg_sleep(30) /* to be cancelled */").catch((error: unknown) => error);
  await waitFor("the query to be cancelled", async () => {
    const { rowCount } = await admin.query(
      `select pg_cancel_backend(pid) from pg_stat_activity
       where query like '%to be cancelled%' and pid <> pg_backend_pid() and state = 'active'`,
    );
    return rowCount === 1;
  });
  expect(await cut).toBeInstanceOf(DatabaseUnavailable);
  await expectOneMore();
});

it.each([
  ["has no connection to spare", "alter role guest connection limit 0", "53300"],
  ["accepts no connections", "alter database refusing with allow_connections false", "55000"],
])("a server that %s means no answer", async (_what, refuse, code) => {
  await admin.query("drop database if exists refusing");
  await admin.query("drop role if exists guest");
  await admin.query("create role guest login");
  await admin.query("create database refusing");
  await admin.query(refuse);
  const guestUrl = new URL(url);
  guestUrl.username = "guest";
  guestUrl.pathname = "/refusing";
  const guest = openDatabase(guestUrl.href, parsePatterns("full"), pino({ level: "silent" }));
  const error: unknown = await guest.query("select 1").catch((refusal: unknown) => refusal);
  expect(error).toBeInstanceOf(DatabaseUnavailable);
  expect((error as Error).cause).toMatchObject({ code });
  await guest.close();
});

it("of transactions that wait for each other the one that is broken off is done again, and both go through", async () => {
  let runs = 0;
  const met = new Set<number>();
  const bump = (first: number, second: number): Promise<void> =>
    database.transaction(async (query) => {
      runs += 1;
      await query("update counters set n = n + 1 where id = $1", [first]);
      met.add(first);
      // Until both hold their first row: then each waits for the other's.
      await waitFor("the other to have begun", () => met.size === 2);
      await query("update counters set n = n + 1 where id = $1", [second]);
    });
  await Promise.all([bump(1, 2), bump(2, 1)]);
  expect(runs).toBe(3);
  expect(await database.query("select n from counters order by id")).toEqual([{ n: 2 }, { n: 2 }]);
});

it("work that meets with a conflict again is given up as not answered, and leaves nothing behind", async () => {
  let runs = 0;
  const work = database.transaction(async (query) => {
    runs += 1;
    await query("update counters set n = 9 where id = 1");
    await query("do $$ begin raise exception 'in conflict' using errcode = '40001'; end $$");
  });
  await expect(work).rejects.toBeInstanceOf(DatabaseUnavailable);
  expect(runs).toBe(2);
  expect(await database.query("select n from counters where id = 1")).toEqual([{ n: 0 }]);
});

it("values that cannot be stored are the caller's fault, and everything else that the database refuses is ours", async () => {
  const app = createServer({
    log: pino({ level: "silent" }),
    metrics: new Registry(),
    isReady: async () => true,
    name: "rows",
    verifier: new TokenVerifier(testIdentityDir, "rows"),
    patterns: parsePatterns("full"),
    tell: () => undefined,
  });
  openRoutes(app);
  app.post<{ Body: { column: string; value: unknown } }>("/rows", async ({ body: { column, value } }) => {
    await database.query(`insert into rows (${pg.escapeIdentifier(column)}) values ($1)`, [value]);
    return {};
  });
  const insert = async (column: string, value: unknown) => {
    const answer = await app.inject({ method: "POST", url: "/rows", payload: { column, value } });
    return [answer.statusCode, answer.json<{ error: string }>().error];
  };
  const badInput = [400, "invalid-request"];
  expect(await insert("text", "a\u0000b")).toEqual(badInput);
  expect(await insert("id", "4242-no-uuid")).toEqual(badInput);
  expect(await insert("small", 70_000)).toEqual(badInput);
  expect(await insert("document", '{"a": "\\u0000"}')).toEqual(badInput);
  expect(await insert("nowhere", 1)).toEqual([500, "internal"]);
  expect(await insert("text", "without an id")).toEqual([500, "internal"]);
  await app.close();
});

it("replicas that start at once migrate and seed once, and a later start finds it done", async () => {
  const start = async (databaseUrl: string) =>
    startTestService({
      main: "service-kit/fixtures/notes.ts",
      env: { DATABASE_URL: databaseUrl, SEED: "s" },
    });
  const shared = await postgres.database("replicas");
  const replicas = await Promise.all([start(shared), start(shared)]);
  const late = await start(shared);
  const migrated = (log: string): boolean => log.includes('"migrated":["001-notes"]');
  expect(replicas.filter((replica) => migrated(replica.log()))).toHaveLength(1);
  expect(migrated(late.log())).toBe(false);
  await Promise.all([...replicas, late].map((replica) => replica.stop("SIGKILL")));
});

it("a service whose database ran another migration under the same name does not start, and says which", async () => {
  const databaseUrl = await postgres.database("changed");
  const client = new pg.Client(databaseUrl);
  await client.connect();
  await client.query("create table schema_migrations (position int primary key, id text, checksum text)");
  await client.query("insert into schema_migrations values (1, '001-notes', 'of another text')");
  await client.end();
  const notes = run(process.execPath, [fileURLToPath(new URL("fixtures/notes.ts", import.meta.url))], {
    env: { PORT: "0", DATABASE_URL: databaseUrl, IDENTITY_DIR: testIdentityDir },
  });
  await expect(notes).rejects.toMatchObject({
    code: 1,
    stdout: expect.stringContaining(
      '"ChangedHistory","message":"migration \\"001-notes\\" is not what it was',
    ) as string,
  });
});
