import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase, type Database } from "../database.ts";
import { HttpError } from "../http-error.ts";
import { startPostgres, type TestPostgres } from "../../../test/postgres.fixture.ts";
import { createIdempotency, idempotencyKeys, type Idempotency } from "./idempotency.ts";
import type { PatternEvent } from "./pattern-event.ts";
import { parsePatterns } from "./patterns.ts";

let postgres: TestPostgres;
let database: Database;
const events: PatternEvent[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
  database = openDatabase(await postgres.database("keys"), parsePatterns("full"), pino({ level: "silent" }));
  await database.query(`${idempotencyKeys.sql}; create table notes (text text)`);
});
afterAll(async () => {
  await database.close();
  await postgres[Symbol.asyncDispose]();
});

function idempotency(isOn = true): Idempotency {
  events.length = 0;
  return createIdempotency(database, isOn, (event) => events.push(event));
}

const write = (keys: Idempotency, key: string, text: string, operation = "POST /notes") =>
  keys.once({ operation, key, content: { text } }, async (query) => {
    const [row] = await query<{ total: number }>(
      "with written as (insert into notes values ($1)) select count(*)::int as total from notes",
      [text],
    );
    return { status: 201, body: { text, before: row?.total } };
  });

async function countOf(text: string): Promise<number> {
  const [row] = await database.query<{ n: number }>("select count(*)::int as n from notes where text = $1", [
    text,
  ]);
  return row?.n ?? Number.NaN;
}

it("what is asked for again is done once and answered the same, and the repeats are counted", async () => {
  const keys = idempotency();
  const first = await write(keys, "k-1", "once");
  expect(await write(keys, "k-1", "once")).toEqual(first);
  expect(await write(keys, "k-1", "once")).toEqual(first);
  expect(await countOf("once")).toBe(1);
  expect(events).toEqual([
    { kind: "duplicate", operation: "POST /notes" },
    { kind: "duplicate", operation: "POST /notes" },
  ]);
});

it("of ten that come at once, one does it and all get its answer", async () => {
  const keys = idempotency();
  const answers = await Promise.all(Array.from({ length: 10 }, () => write(keys, "k-2", "together")));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect([await countOf("together"), events.length]).toEqual([1, 9]);
});

it("a key is its operation's own", async () => {
  const keys = idempotency();
  await write(keys, "k-3", "here");
  await write(keys, "k-3", "there", "POST /other");
  expect([await countOf("here"), await countOf("there")]).toEqual([1, 1]);
});

it("a key that is used for something else is refused", async () => {
  const keys = idempotency();
  await write(keys, "k-4", "this");
  await expect(write(keys, "k-4", "that")).rejects.toMatchObject({ status: 422, code: "key-reused" });
  expect([await countOf("that"), events.length]).toEqual([0, 0]);
});

it("work that fails is undone and leaves its key free", async () => {
  const keys = idempotency();
  const failing = keys.once(
    { operation: "POST /notes", key: "k-5", content: { text: "again" } },
    async (query) => {
      await query("insert into notes values ('again')");
      throw new HttpError(409, "not-now", "not now");
    },
  );
  await expect(failing).rejects.toMatchObject({ code: "not-now" });
  expect(await countOf("again")).toBe(0);
  await write(keys, "k-5", "again");
  expect(await countOf("again")).toBe(1);
});

it("keys a day old are forgotten as new ones come", async () => {
  const keys = idempotency();
  await write(keys, "k-6", "old");
  await database.query(
    "update idempotency_keys set created_at = now() - interval '25 hours' where key = 'k-6'",
  );
  await write(keys, "k-7", "new");
  const left = await database.query("select key from idempotency_keys where key in ('k-6', 'k-7')");
  expect(left).toEqual([{ key: "k-7" }]);
});

it("without the pattern every repeat is new", async () => {
  const keys = idempotency(false);
  await write(keys, "k-8", "twice");
  await write(keys, "k-8", "twice");
  expect([await countOf("twice"), events.length]).toEqual([2, 0]);
  expect(keys.keyOf("k-8")).not.toBe("k-8");
  expect(keys.keyOf("k-8")).not.toBe(keys.keyOf("k-8"));
  expect(idempotency().keyOf("k-8")).toBe("k-8");
});
