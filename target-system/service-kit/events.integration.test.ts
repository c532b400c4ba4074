import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context, propagation, trace } from "@opentelemetry/api";
import { node } from "@opentelemetry/sdk-node";
import fc from "fast-check";
import { Registry } from "prom-client";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createCallee } from "./callee.ts";
import { openDatabase, type Database } from "./database.ts";
import { createInbox, inboxTable } from "./inbox.ts";
import { createLog } from "./log.ts";
import { appendEvents, Outbox, outboxTables, wakeRelays } from "./outbox.ts";
import { createIdempotency } from "./patterns/idempotency.ts";
import type { PatternEvent } from "./patterns/pattern-event.ts";
import { parsePatterns } from "./patterns/patterns.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startRelay } from "./relay.ts";
import { waitFor } from "./wait.fixture.ts";

/** Events from the statement that appends them to whoever receives them: real database, real sockets, several relays. */

const logged: string[] = [];
const log = createLog("events", "warn", { write: (line) => void logged.push(line) });
const patterns = parsePatterns("full");
const things = "create table things (id text primary key, events int not null)";

let postgres: TestPostgres;
let database: Database;
let outbox: Outbox;
beforeAll(async () => {
  postgres = await startPostgres();
  database = openDatabase(await postgres.database("events"), patterns, log);
  outbox = new Outbox(database);
  await database.query(things + ";" + outboxTables + inboxTable);
});
let running: AsyncDisposableStack;
const use = (): AsyncDisposableStack => (running ??= new AsyncDisposableStack());
afterEach(async () => {
  await running?.disposeAsync();
  running = new AsyncDisposableStack();
  await database.query("truncate things, outbox_events, outbox_progress, inbox");
});
afterAll(async () => {
  await database.close();
  await postgres[Symbol.asyncDispose]();
});

/** Changes a thing and tells of it, in one statement. */
async function change(thing: string, subscribers: readonly string[], wake = wakeRelays): Promise<void> {
  await database.query(
    `with changed as (
       insert into things values ($1, 1) on conflict (id) do update set events = things.events + 1 returning *
     ), event as (
       select gen_random_uuid() as id, id as stream, events as sequence, 'thing.changed' as type,
         jsonb_build_object('thing', id, 'sequence', events) as payload, null::text as traceparent, null::text as baggage
       from changed
     ), ${appendEvents("event", "$2::text[]")} select ${wake} from changed`,
    [thing, subscribers],
  );
}

interface Told {
  readonly thing: string;
  readonly sequence: number;
}

/** `lost`: taken, but the answer is not heard. */
type Reaction = number | "lost";

interface TestSubscriber {
  readonly name: string;
  readonly url: string;
  /** All that came, in order, taken or not. */
  readonly received: readonly Told[];
  /** What came although what it must follow had not been answered with 2xx. */
  readonly outOfOrder: readonly Told[];
  react: (told: Told) => Reaction;
}

async function subscribe(name: string, react: (told: Told) => Reaction = () => 204): Promise<TestSubscriber> {
  const received: Told[] = [];
  const outOfOrder: Told[] = [];
  const answered = new Map<string, number>();
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => (text += part));
    request.on("end", () => {
      const told = JSON.parse(text) as Told;
      const last = answered.get(told.thing) ?? 0;
      received.push(told);
      if (told.sequence > last + 1) outOfOrder.push(told);
      const reaction = subscriber.react(told);
      if (reaction === "lost") return void request.socket.destroy();
      if (reaction < 300) answered.set(told.thing, Math.max(last, told.sequence));
      response.writeHead(reaction).end();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  use().defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const subscriber: TestSubscriber = {
    name,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    outOfOrder,
    react,
  };
  return subscriber;
}

interface TestRelay {
  stop(): void;
  /** The sum of the samples whose lines start so. */
  metric(start: string): Promise<number>;
}

/** A relay as another replica would run it, with connections of its own. */
function relayTo(...subscribers: readonly Pick<TestSubscriber, "name" | "url">[]): TestRelay {
  const metrics = new Registry();
  const stopping = new AbortController();
  const own = openDatabase(database.pool.options.connectionString ?? "", patterns, log);
  const callees = subscribers.map(({ name, url }) => ({ name, callee: createCallee(name, url, patterns) }));
  void startRelay({
    outbox: new Outbox(own),
    subscribers: callees,
    streamAttribute: "thing",
    log,
    metrics,
    signal: stopping.signal,
  });
  use().defer(async () => {
    stopping.abort();
    await Promise.all(callees.map(({ callee }) => callee.close()));
    await own.close();
  });
  return {
    stop: () => stopping.abort(),
    async metric(start) {
      const lines = (await metrics.metrics()).split("\n").filter((line) => line.startsWith(start));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
    },
  };
}

async function owed(subscriber: string): Promise<number> {
  const [row] = await database.query<{ readonly owed: number }>(
    `select coalesce(sum(last - delivered), 0)::int as owed from outbox_progress where subscriber = $1`,
    [subscriber],
  );
  return row?.owed ?? 0;
}

const allTold = (...subscribers: readonly TestSubscriber[]): Promise<unknown> =>
  Promise.all(
    subscribers.map(({ name }) => waitFor(`${name} to be told all`, async () => (await owed(name)) === 0)),
  );

const sequencesOf = ({ received }: TestSubscriber, thing: string): number[] =>
  received.filter((told) => told.thing === thing).map(({ sequence }) => sequence);

describe("the relay", () => {
  it("tells all of everything, each stream in order, whatever fails, with several at work and one stopped", async () => {
    const seed = Date.now() % 1_000_000;
    const choices = fc.sample(
      fc.oneof(
        { weight: 17, arbitrary: fc.constant<Reaction>(204) },
        { weight: 3, arbitrary: fc.constantFrom<Reaction>(500, 503, "lost") },
      ),
      { numRuns: 2_000, seed },
    );
    const flaky = await subscribe("flaky", () => choices.pop() ?? 204);
    const well = await subscribe("well");
    const names = [flaky.name, well.name];
    const relays = [relayTo(flaky, well), relayTo(flaky, well), relayTo(flaky, well)];
    const streams = Array.from({ length: 30 }, (_, n) => `t-${n}`);
    await Promise.all(
      streams.map(async (stream, n) => {
        for (let event = 0; event < 4; event++) await change(stream, names);
        if (n === 15) relays[0]?.stop();
      }),
    );
    await allTold(flaky, well);
    for (const subscriber of [flaky, well]) {
      expect([subscriber.name, seed, subscriber.outOfOrder]).toEqual([subscriber.name, seed, []]);
      for (const stream of streams)
        expect([...new Set(sequencesOf(subscriber, stream))]).toEqual([1, 2, 3, 4]);
    }
    expect(flaky.received.length).toBeGreaterThan(4 * streams.length);
  });

  it("asks one who is away now and then, however much it is owed, and holds up nobody else", async () => {
    let isAway = true;
    const away = await subscribe("away", () => (isAway ? 503 : 204));
    const well = await subscribe("well");
    const relay = relayTo(away, well);
    const begunMs = performance.now();
    const streams = Array.from({ length: 200 }, (_, n) => `t-${n}`);
    await Promise.all(streams.map((stream) => change(stream, [away.name, well.name])));
    await allTold(well);
    await waitFor("some pauses", () => performance.now() - begunMs > 1_500);
    const tried = await relay.metric('outbox_delivery_attempts_total{subscriber="away"');
    const pausesS = (performance.now() - begunMs) / 1_000;
    // What was begun before the first answer came; then one after 0.1, 0.2, 0.4, 0.8 s, and one a second.
    expect(tried).toBeLessThanOrEqual(16 + 4 + pausesS);
    expect(await relay.metric('outbox_oldest_undelivered_seconds{subscriber="away"')).toBeGreaterThan(1);
    await waitFor(
      "nothing to be owed to who is well",
      async () => (await relay.metric('outbox_oldest_undelivered_seconds{subscriber="well"')) === 0,
    );
    await waitFor("what is owed to be counted", async () => {
      const events = (name: string) => relay.metric(`outbox_undelivered_events{subscriber="${name}"`);
      return (await events("away")) === 200 && (await events("well")) === 0;
    });
    expect(await relay.metric('outbox_delivery_delay_seconds_count{subscriber="well"')).toBe(200);
    isAway = false;
    await allTold(away);
    await waitFor("its age to be told", async () => {
      const age = await relay.metric('outbox_oldest_undelivered_seconds{subscriber="away"');
      return age === 0;
    });
  });

  it("an event that is refused holds up its own stream alone", async () => {
    let isRefused = true;
    const picky = await subscribe("picky", ({ thing }) => (isRefused && thing === "bad" ? 400 : 204));
    const relay = relayTo(picky);
    for (const thing of ["bad", "bad", "good", "good", "good"]) await change(thing, [picky.name]);
    await waitFor("the others", () => sequencesOf(picky, "good").length === 3);
    await waitFor("a second try", () => sequencesOf(picky, "bad").length > 1);
    expect(new Set(sequencesOf(picky, "bad"))).toEqual(new Set([1]));
    isRefused = false;
    await allTold(picky);
    expect([sequencesOf(picky, "good"), sequencesOf(picky, "bad").at(-1)]).toEqual([[1, 2, 3], 2]);
    expect(await relay.metric('outbox_delivery_attempts_total{subscriber="picky",outcome="refused"')).toBe(
      sequencesOf(picky, "bad").length - 2,
    );
  });

  it("finds what no notification told of, and what a dead relay was at", async () => {
    const left = await subscribe("left");
    await change("t", [left.name], "1");
    expect(await outbox.claim(left.name, 10, 300)).toMatchObject([{ stream: "t", sequence: 1, attempts: 1 }]);
    expect(await outbox.claim(left.name, 10, 300)).toEqual([]);
    relayTo(left);
    await allTold(left);
    await change("t", [left.name], "1");
    await allTold(left);
    expect(sequencesOf(left, "t")).toEqual([1, 2]);
  });
});

describe("the outbox", () => {
  it("takes a late word of an event for what it is: no step back, none forward", async () => {
    for (let event = 0; event < 3; event++) await change("t", ["s"]);
    const first = await outbox.claim("s", 10, 0);
    expect(await outbox.delivered("s", first)).toBe(true);
    expect(await outbox.delivered("s", first)).toBe(false);
    await outbox.postpone("s", [{ stream: "t", sequence: 1, againInMs: 60_000 }]);
    expect(await outbox.claim("s", 10, 60_000)).toMatchObject([{ sequence: 2, attempts: 1 }]);
    expect(await outbox.delivered("s", [{ stream: "t", sequence: 3 }])).toBe(false);
    expect(await owed("s")).toBe(2);
  });

  it("numbers a stream's events without gaps, appended at once by many", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => change(`t-${n % 2}`, ["s", "r"])));
    const rows = await database.query(
      `select stream, count(*)::int as n, max(sequence) as last from outbox_events group by stream order by stream`,
    );
    expect(rows).toEqual([
      { stream: "t-0", n: 20, last: 20 },
      { stream: "t-1", n: 20, last: 20 },
    ]);
  });

  it("forgets what everybody was told, not what one is owed, and goes on in the same sequence", async () => {
    const streams = Array.from({ length: 20 }, (_, n) => `told-${n}`);
    for (const stream of [...streams, ...streams, "owed"]) await change(stream, ["here", "away"]);
    const tell = async (subscriber: string, isTold: (stream: string) => boolean): Promise<void> => {
      for (;;) {
        const now = (await outbox.claim(subscriber, 50, 0)).filter(({ stream }) => isTold(stream));
        if (now.length === 0) return;
        await outbox.delivered(subscriber, now);
      }
    };
    await tell("here", () => true);
    await tell("away", (stream) => stream !== "owed");
    // Several at once, a row each time, a stream's rows next to each other: what each deletes a part of must not be left
    // over by all.
    await database.query(
      "update outbox_progress set due_at = now() - abs(hashtext(stream)) * interval '1 ms' where delivered = last",
    );
    await waitFor("all to be forgotten", async () => {
      const more = await Promise.all([1, 1, 1, 1].map((limit) => outbox.forget(0, limit)));
      return more.every((isMore) => !isMore);
    });
    const kept = await database.query("select stream, sequence from outbox_events");
    expect(kept).toEqual([{ stream: "owed", sequence: 1 }]);
    expect(await outbox.forget(3_600_000, 10)).toBe(false);
    await change("told-7", ["here", "away"]);
    expect(await outbox.claim("here", 10, 0)).toMatchObject([{ stream: "told-7", sequence: 3 }]);
  });
});

describe("the inbox", () => {
  const event = { id: "e-1", type: "thing.changed" };
  const inboxOf = (isOn: boolean) => {
    const told: PatternEvent[] = [];
    const idempotency = createIdempotency(database, isOn, (each) => told.push(each));
    return { inbox: createInbox(database, idempotency), told };
  };
  const work = async (query: Database["query"]) => {
    await query(
      "insert into things values ('t', 1) on conflict (id) do update set events = things.events + 1",
    );
    return "done" as const;
  };
  const done = async (): Promise<unknown> =>
    (await database.query("select events from things"))[0]?.["events"];

  it("does once what an event leads to, and tells of the repeats", async () => {
    const { inbox, told } = inboxOf(true);
    const answers = await Promise.all(Array.from({ length: 8 }, () => inbox.once(event, work)));
    expect(answers.filter((answer) => answer === "done")).toEqual(["done"]);
    expect([await done(), told.length]).toEqual([1, 7]);
    expect(told[0]).toEqual({ kind: "duplicate", operation: "thing.changed" });
  });

  it("takes an event again whose work failed", async () => {
    const { inbox, told } = inboxOf(true);
    const failing = inbox.once(event, async (query) => {
      await work(query);
      throw new Error("not today");
    });
    await expect(failing).rejects.toThrow("not today");
    expect([await inbox.once(event, work), await done(), told.length]).toEqual(["done", 1, 0]);
  });

  it("is off with the pattern, and forgets in the end", async () => {
    const { inbox } = inboxOf(false);
    expect([await inbox.once(event, work), await inbox.once(event, work), await done()]).toEqual([
      "done",
      "done",
      2,
    ]);
    await database.query("update inbox set received_at = now() - interval '8 days'");
    await inboxOf(true).inbox.once({ id: "e-2", type: "thing.changed" }, work);
    expect(await database.query("select event_id from inbox")).toEqual([{ event_id: "e-2" }]);
  });
});

it("an event that was not taken is told in the trace in which it was brought", async () => {
  const provider = new node.NodeTracerProvider();
  provider.register();
  try {
    const stubborn = await subscribe("stubborn", () => 500);
    relayTo(stubborn);
    await change("told", ["stubborn"]);
    const line = await waitFor("the line", () => logged.find((one) => one.includes('"stubborn"')) ?? false);
    expect(JSON.parse(line)).toMatchObject({
      ...{ level: "warn", msg: "an event was not delivered yet", thing: "told" },
      trace_id: expect.stringMatching(/^(?!0+$)[0-9a-f]{32}$/) as string,
    });
  } finally {
    await provider.shutdown();
    for (const api of [trace, context, propagation]) api.disable();
  }
});
