import { pino } from "pino";
import { Client } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { DatabaseUnavailable, openDatabase } from "./database.ts";
import { parsePatterns } from "./patterns/patterns.ts";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "./service.fixture.ts";
import { waitFor } from "./wait.fixture.ts";
import { startWire, type Wire } from "./wire.fixture.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres[Symbol.asyncDispose]());

async function startNotes(databaseUrl: string, untilReady = true): Promise<TestService> {
  return startTestService({
    main: "service-kit/fixtures/notes.ts",
    env: { DATABASE_URL: databaseUrl, SEED: "s-1" },
    untilReady,
  });
}

async function wireTo(databaseUrl: string): Promise<Wire & { readonly url: string }> {
  const url = new URL(databaseUrl);
  const wire = await startWire(Number(url.port));
  url.port = String(wire.port);
  return Object.assign(wire, { url: url.href });
}

const silent = pino({ level: "silent" });

it("a service is live before its database is there, and ready once it is migrated and seeded", async () => {
  const port = await freePort();
  await using notes = await startNotes(`postgresql://postgres@127.0.0.1:${port}/nothing`, false);
  expect((await notes.request("GET", "/live")).status).toBe(200);
  expect((await notes.request("GET", "/ready")).status).toBe(503);
  await using ready = await startNotes(await postgres.database("seeded"));
  expect((await ready.request("GET", "/notes")).body).toEqual({ notes: [{ text: "first", seed: "s-1" }] });
});

it("migrations and seed may run again", async () => {
  const url = await postgres.database("again");
  await (await startNotes(url)).stop();
  await using notes = await startNotes(url);
  expect((await notes.request("GET", "/notes")).body).toEqual({ notes: [{ text: "first", seed: "s-1" }] });
});

it("errors are told as a code and a message, never as a stack", async () => {
  await using notes = await startNotes(await postgres.database("errors"));
  expect(await notes.request("GET", "/nowhere")).toEqual({
    status: 404,
    body: { error: "not-found", message: "no such resource" },
  });
  expect(await notes.request("POST", "/notes", { text: 5, or: {} })).toMatchObject({ status: 201 });
  expect(await notes.request("POST", "/notes", {})).toMatchObject({
    status: 400,
    body: { error: "invalid-request", message: "body must have required property 'text'" },
  });
  expect(await notes.request("GET", "/fault")).toEqual({
    status: 500,
    body: { error: "internal", message: "a fault of this service; its log says more" },
  });
  await waitFor("the fault to be logged", () => notes.log().includes("a secret of the code"));
});

it("a transaction that is refused leaves nothing behind", async () => {
  await using notes = await startNotes(await postgres.database("refused"));
  expect(await notes.request("POST", "/notes", { text: "refused" })).toMatchObject({
    status: 409,
    body: { error: "not-this-one" },
  });
  expect((await notes.request("GET", "/notes")).body).toEqual({ notes: [{ text: "first", seed: "s-1" }] });
});

it("requests are counted by route and status, in metrics of the service", async () => {
  await using notes = await startNotes(await postgres.database("metrics"));
  await notes.request("GET", "/notes");
  const text = await (await fetch(`${notes.url}/metrics`)).text();
  expect(text).toMatch(
    /^http_server_request_duration_seconds_count\{(?=.*method="GET")(?=.*route="\/notes")(?=.*status="200").*\} 1$/m,
  );
});

it("SIGTERM lets requests in flight finish, and ends with exit code 0", async () => {
  await using notes = await startNotes(await postgres.database("stopping"));
  const slow = notes.request("GET", "/slow");
  await waitFor("the slow request to arrive", () => notes.log().includes("slow request has come"));
  const exit = notes.stop("SIGTERM");
  expect(await slow).toEqual({ status: 200, body: { isSlow: true } });
  expect(await exit).toBe(0);
});

it("SIGTERM lets callers go: not ready, but still served, each answer ends its connection; unused ones are closed", async () => {
  await using notes = await startNotes(await postgres.database("draining"));
  const callers = [new Client(notes.url), new Client(notes.url)];
  const ask = (caller: Client | undefined, path: string) =>
    caller?.request({ method: "GET", path }).then(async ({ statusCode, headers, body }) => {
      await body.dump();
      return [statusCode, headers["connection"]];
    });
  for (const caller of callers) expect(await ask(caller, "/notes")).toEqual([200, "keep-alive"]);
  const exit = notes.stop("SIGTERM");
  await waitFor("the service to stop", () => notes.log().includes("stopping"));
  expect(await ask(callers[0], "/ready")).toEqual([503, "close"]); // and from now on on a connection that is new
  expect(await ask(callers[0], "/notes")).toEqual([200, "close"]);
  expect(await exit).toBe(0); // the other one has not been used
  expect(notes.log()).not.toContain("not everything ended in time");
});

it("a service whose database swallows everything answers 503, and is well as soon as the database is", async () => {
  const url = await postgres.database("swallowed");
  await using wire = await wireTo(url);
  await using notes = await startNotes(wire.url);
  await notes.request("GET", "/notes");
  wire.swallow();
  expect(await notes.request("GET", "/notes")).toMatchObject({
    status: 503,
    body: { error: "database-unavailable" },
  });
  wire.heal();
  expect((await notes.request("GET", "/notes")).status).toBe(200);
  wire.swallow();
  expect((await notes.request("GET", "/ready")).status).toBe(503);
  expect((await notes.request("GET", "/live")).status).toBe(200);
});

it("connections reset in the middle of a query end neither the service nor its next query", async () => {
  await using wire = await wireTo(await postgres.database("reset"));
  const database = openDatabase(wire.url, parsePatterns("timeouts"), silent);
  await database.query("select 1"); // so that it is a connection in use that breaks, not one being made
  let isCut = false;
  const cut = database.query("select pg_sleep(30)").catch((error: unknown) => {
    isCut = true;
    return error;
  });
  await waitFor("the query to be cut", () => {
    wire.reset();
    return isCut;
  });
  expect(await cut).toBeInstanceOf(DatabaseUnavailable);
  await expect(database.query("select 1 as one")).resolves.toEqual([{ one: 1 }]);
  await database.close();
});

it("without patterns a query that is swallowed is waited for", async () => {
  await using wire = await wireTo(await postgres.database("unbounded"));
  const database = openDatabase(wire.url, parsePatterns("none"), silent);
  await database.query("select 1");
  wire.swallow();
  let isOver = false;
  const query = database.query("select 1").catch(() => undefined);
  void query.then(() => (isOver = true));
  // With timeouts on it would be over by now: the other database proves how long that takes.
  const bounded = openDatabase(wire.url, parsePatterns("timeouts"), silent);
  await expect(bounded.query("select 1")).rejects.toBeInstanceOf(DatabaseUnavailable);
  await bounded.close();
  expect(isOver).toBe(false);
  wire.reset();
  await query;
  await database.close();
});

it("a listener hears a notification, also after its connection was lost", async () => {
  await using wire = await wireTo(await postgres.database("listening"));
  const database = openDatabase(wire.url, parsePatterns("timeouts"), silent);
  const over = new AbortController();
  let heard = 0;
  database.listen("news", () => (heard += 1), over.signal);
  await waitFor("the listener to listen", () => heard === 1);
  await database.query("notify news");
  await waitFor("the notification", () => heard === 2);
  wire.reset();
  await waitFor("the listener to be back", () => heard === 3);
  await database.query("notify news");
  await waitFor("the next notification", () => heard === 4);
  over.abort();
  await database.close();
});
