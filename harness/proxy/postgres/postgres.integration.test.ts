import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { Address } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import { startPostgres, type TestPostgres } from "../../../test/postgres.fixture.ts";
import { connectTo, startServer } from "../proxy.fixture.ts";
import { message } from "./message-reader.ts";
import {
  bind,
  clientOptions,
  connectRaw,
  describePortal,
  execute,
  failure,
  messageTypes,
  parse,
  query,
  startup,
  sync,
  timed,
} from "./postgres.fixture.ts";

/** Every test has a healthy warm client through the proxy first: what is seen afterwards is the fault's doing. */
let postgres: TestPostgres;
let proxy: Awaited<ReturnType<typeof startServer>>;
let listen: Address;
let client: pg.Client;
/** Past the proxy. */
let direct: pg.Client;

beforeAll(async () => {
  postgres = await startPostgres();
  direct = new pg.Client(clientOptions(postgres.address));
  await direct.connect();
});

afterAll(async () => {
  await direct.end();
  await postgres[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await direct.query("drop table if exists stock; create table stock (sku text primary key, count int)");
  proxy = await startServer({ seed: "postgres" });
  listen = await proxy.proxyTo(postgres.address);
  client = await connect();
  await client.query("insert into stock values ($1, $2)", ["hat", 1]);
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
});

/** A client through the proxy, with what broke it. */
async function connect(options: pg.ClientConfig = {}): Promise<pg.Client> {
  const opened = new pg.Client({ ...clientOptions(listen), ...options });
  opened.on("error", () => undefined); // the loss of an idle connection; queries tell of their own
  await opened.connect();
  onTestFinished(async () => {
    await opened.end();
  });
  return opened;
}

async function stock(): Promise<readonly (readonly unknown[])[]> {
  const { rows } = await direct.query<unknown[]>({
    text: "select sku, count from stock order by sku",
    rowMode: "array",
  });
  return rows;
}

async function counts(name: string) {
  const { json } = await proxy.call("GET", `/proxies/edge/toxics/${name}`);
  return json as {
    readonly matched: { readonly requests: number };
    readonly drawn: { readonly requests: number };
    readonly affected: { readonly requests: number; readonly connections: number; readonly bytes: number };
    readonly unreadable_connections: number;
  };
}

/** A query fails before its ReadyForQuery, which tells the status, has come. */
async function hasStatus(status: "I" | "E"): Promise<void> {
  await waitFor(
    { what: `transaction status ${status}`, withinMs: 5_000, everyMs: 1 },
    () => client.getTransactionStatus() === status,
  );
}

const update = "update stock set count = count + 1 where sku = 'hat'";
const serialization = {
  code: "40001",
  message: "could not serialize access due to concurrent update",
  severity: "ERROR",
};

describe("pg_delay", () => {
  it("delays the statements that match, simple and extended, and no others", async () => {
    await proxy.addToxic({ type: "pg_delay", attributes: { delay: 250, match: "UPDATE  stock*hat" } });
    expect(await timed(client.query("select 1"))).toBeLessThan(240);
    expect(await timed(client.query(update))).toBeGreaterThanOrEqual(249);
    const extended = "update stock\n set count = $1 where sku = 'hat'";
    expect(await timed(client.query(extended, [7]))).toBeGreaterThanOrEqual(249);
    expect(await timed(client.query("select $1::int", [1]))).toBeLessThan(240);
    expect(await counts("pg_delay_upstream")).toMatchObject({
      matched: { requests: 2 },
      affected: { requests: 2, connections: 1 },
      unreadable_connections: 0,
    });
    expect(await stock()).toEqual([["hat", 7]]);
  });

  it("lets what follows on the connection wait behind it, in order", async () => {
    const pipelined = await connect({ pipeline: true });
    await proxy.addToxic({ type: "pg_delay", attributes: { delay: 250, match: "'slow'" } });
    const order: string[] = [];
    const startedMs = performance.now();
    await Promise.all(
      ["fast", "slow", "late"].map(async (word) => {
        await pipelined.query(`select '${word}', $1::int`, [1]);
        order.push(word);
        if (word !== "fast") expect(performance.now() - startedMs).toBeGreaterThanOrEqual(249);
      }),
    );
    expect(order).toEqual(["fast", "slow", "late"]);
  });

  it("lets go at once of what it holds when it is removed", async () => {
    await proxy.addToxic({ type: "pg_delay", attributes: { delay: 60_000 } });
    const held = client.query(update);
    await waitFor(
      { what: "the statement is held", withinMs: 5_000 },
      async () => (await counts("pg_delay_upstream")).affected.requests === 1,
    );
    expect(await stock()).toEqual([["hat", 1]]);
    await proxy.removeToxic("pg_delay_upstream");
    await held;
    expect(await stock()).toEqual([["hat", 2]]);
  });

  it("lets go at once of what it holds when it is changed", async () => {
    await proxy.addToxic({ type: "pg_delay", attributes: { delay: 60_000 } });
    const held = client.query(update);
    await waitFor(
      { what: "the statement is held", withinMs: 5_000 },
      async () => (await counts("pg_delay_upstream")).affected.requests === 1,
    );
    await proxy.expectOk("PATCH", "/proxies/edge/toxics/pg_delay_upstream", { attributes: { delay: 1 } });
    await held;
  });

  it("reaches back to the sender: what waits behind it is bounded", async () => {
    await proxy.addToxic({ type: "pg_delay", attributes: { delay: 60_000 } });
    using raw = await connectRaw(postgres.address); // proves that the server takes it
    const big = [parse("select length($1)"), bind([Buffer.alloc(8_000_000, "x")]), execute(), sync];
    expect(messageTypes(await raw.exchange(big))?.join("")).toBe("12DCZ");
    using proxied = await connectRaw(listen);
    proxied.client.socket.write(query("select 1"));
    await waitFor(
      { what: "the statement is held", withinMs: 5_000 },
      async () => (await counts("pg_delay_upstream")).affected.requests === 1,
    );
    const carried = async (): Promise<number> => (await proxy.evidence()).proxies[0]?.upstream_bytes ?? 0;
    const before = await carried();
    for (const piece of [...big, ...big]) proxied.client.socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(proxied.client.socket.writableLength).toBeGreaterThan(4_000_000);
    expect(await carried()).toBe(before);
    await proxy.removeToxic("pg_delay_upstream");
    const back = await proxied.exchange([], 3);
    expect(messageTypes(back)?.join("")).toBe("TDCZ12DCZ12DCZ");
  });

  it("adds up with another, and with an error of the same statement", async () => {
    await proxy.addToxic({ type: "pg_delay", name: "one", attributes: { delay: 150 } });
    await proxy.addToxic({ type: "pg_delay", name: "other", attributes: { delay: 150 } });
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001" } });
    expect(await timed(failure(client.query(update)))).toBeGreaterThanOrEqual(299);
    for (const name of ["one", "other", "pg_error_downstream"])
      expect(await counts(name)).toMatchObject({ affected: { requests: 1 } });
    expect(await stock()).toEqual([["hat", 1]]);
  });
});

describe("pg_error", () => {
  it("fails a simple query, which does not run, and the connection lives on", async () => {
    await proxy.addToxic({
      type: "pg_error",
      attributes: { code: "40001", match: "update stock", times: 1 },
    });
    expect(await failure(client.query(update))).toEqual(serialization);
    expect(await stock()).toEqual([["hat", 1]]);
    await client.query(update);
    expect(await stock()).toEqual([["hat", 2]]);
  });

  it("fails a statement of the extended protocol, named or not, which does not run", async () => {
    const text = "update stock set count = $1";
    await proxy.addToxic({
      type: "pg_error",
      attributes: { code: "40001", match: "update stock", times: 2 },
    });
    expect(await failure(client.query(text, [5]))).toEqual(serialization);
    const named = { name: "set-count", text, values: [6] };
    expect(await failure(client.query(named))).toEqual(serialization);
    expect(await stock()).toEqual([["hat", 1]]);
    await client.query(named);
    await client.query(text, [5]);
    await client.query(named);
    expect(await stock()).toEqual([["hat", 6]]);
    expect(await counts("pg_error_downstream")).toMatchObject({ matched: { requests: 5 } });
  });

  it.each([
    ["simple", (text: string) => client.query(text)],
    ["extended", (text: string) => client.query({ text, queryMode: "extended" } as pg.QueryConfig)],
  ])("aborts the transaction it fails in, %s: a later COMMIT rolls back", async (_form, run) => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "count = 0" } });
    await client.query("begin");
    await client.query(update);
    expect(await failure(run("update stock set count = 0"))).toEqual(serialization);
    await hasStatus("E");
    expect(await failure(client.query("select 1"))).toMatchObject({ code: "25P02" });
    expect((await client.query("commit")).command).toBe("ROLLBACK");
    await hasStatus("I");
    expect(await stock()).toEqual([["hat", 1]]);
  });

  it.each([
    ["simple", (text: string) => client.query(text)],
    ["extended", (text: string) => client.query({ text, queryMode: "extended" } as pg.QueryConfig)],
  ])("a COMMIT that fails, %s, ends the transaction and keeps nothing of it", async (_form, run) => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "commit" } });
    await client.query("begin");
    await client.query(update);
    expect(await failure(run("COMMIT"))).toEqual(serialization);
    await hasStatus("I");
    expect(await stock()).toEqual([["hat", 1]]);
    await client.query(update);
    expect(await stock()).toEqual([["hat", 2]]);
    expect((await client.query("select * from pg_prepared_statements")).rows).toEqual([]);
  });

  it("an error at the end of a transaction is one error, whatever the server was sent", async () => {
    using raw = await connectRaw(listen);
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "commit" } });
    const extended = [parse("commit"), bind(), describePortal(), execute(), sync];
    for (const [messages, answers] of [
      [[query("commit")], "EZ"],
      [extended, "12nEZ"],
    ] as const) {
      await raw.exchange(query("begin"));
      const back = await raw.exchange(messages);
      expect(messageTypes(back)?.join("")).toBe(answers);
      expect(back.subarray(-1).toString()).toBe("I");
      const outside = await raw.exchange(messages); // as PostgreSQL, it also warns that there is no transaction
      expect(messageTypes(outside)?.join("").replace("N", "")).toBe(answers);
    }
  });

  it("a ROLLBACK that fails, in a transaction that is aborted already, ends it none the less", async () => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", nth: 3 } });
    await client.query("begin");
    expect(await failure(client.query("select 1 / 0"))).toMatchObject({ code: "22012" });
    expect(await failure(client.query("rollback"))).toEqual(serialization);
    await hasStatus("I");
    await client.query("select 1");
  });

  it("rolls back to a savepoint as after a real error", async () => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "23505", match: "count = 0" } });
    await client.query("begin; update stock set count = 5; savepoint here");
    expect(await failure(client.query("update stock set count = 0"))).toMatchObject({ code: "23505" });
    await client.query("rollback to here; commit");
    expect(await stock()).toEqual([["hat", 5]]);
  });

  it("the client's state is right in a batch: what came before is answered, what follows is discarded", async () => {
    using raw = await connectRaw(listen);
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "count = 0" } });
    const run = (text: string): readonly Buffer[] => [parse(text), bind(), describePortal(), execute()];
    const back = await raw.exchange([
      ...run(update),
      ...run("update stock set count = 0"),
      ...run(update),
      sync,
    ]);
    expect(messageTypes(back)?.join("")).toBe("12nC12nEZ");
    expect(back.includes("C40001\0")).toBe(true);
    expect(await stock()).toEqual([["hat", 1]]); // one Sync, one transaction
    const next = await raw.exchange([...run(update), sync]);
    expect(messageTypes(next)?.join("")).toBe("12nCZ");
    expect(await stock()).toEqual([["hat", 2]]);
  });

  it("is not claimed when an earlier error of the same batch kept the statement from running", async () => {
    using raw = await connectRaw(listen);
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "count = 0" } });
    const run = (text: string): readonly Buffer[] => [parse(text), bind(), execute()];
    const back = await raw.exchange([...run("select 1 / 0"), ...run("update stock set count = 0"), sync]);
    expect(messageTypes(back)?.join("")).toBe("1EZ"); // the real one, found while planning
    expect(back.includes("C22012\0")).toBe(true);
    expect(await counts("pg_error_downstream")).toMatchObject({
      drawn: { requests: 1 },
      affected: { requests: 0 },
    });
    const next = await raw.exchange(query("update stock set count = 0"));
    expect(next.includes("C40001\0")).toBe(true);
    expect(await counts("pg_error_downstream")).toMatchObject({ affected: { requests: 1 } });
  });

  it("takes the right ones of pipelined statements", async () => {
    const pipelined = await connect({ pipeline: true });
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "select", every: 3 } });
    const results = await Promise.all(
      Array.from({ length: 9 }, (_, index) => failure(pipelined.query("select $1::int", [index]))),
    );
    expect(results.map((result) => result !== undefined)).toEqual(
      Array.from({ length: 9 }, (_, index) => index % 3 === 2),
    );
  });

  it.each(["57P01", "08006", "53300"])(
    "%s is fatal: it closes the connection, and a pool recovers",
    async (code) => {
      const pool = new pg.Pool({ ...clientOptions(listen), max: 1 });
      pool.on("error", () => undefined);
      await pool.query("select 1");
      await proxy.addToxic({ type: "pg_error", attributes: { code, match: "update stock", times: 1 } });
      const held = await pool.connect();
      held.on("error", () => undefined);
      await held.query("begin");
      await held.query("insert into stock values ('cap', 1)");
      expect(await failure(held.query(update))).toMatchObject({ code, severity: "FATAL" });
      await waitFor({ what: "the connection is closed", withinMs: 5_000 }, async () => {
        const { proxies } = await proxy.evidence();
        return proxies[0]?.open_connections === 1; // the other client's
      });
      held.release(true);
      await pool.query(update);
      expect(await stock()).toEqual([["hat", 2]]);
      await pool.end();
    },
  );

  it.each([
    ["simple", (text: string) => [query(text)]],
    ["extended", (text: string) => [parse(text), bind(), execute(), sync]],
  ])("nothing that was sent behind a fatal error runs, %s", async (_form, run) => {
    using raw = await connectRaw(listen);
    await proxy.addToxic({ type: "latency", attributes: { latency: 100 } }); // the error is long on its way
    await proxy.addToxic({ type: "pg_error", attributes: { code: "57P01", match: "fatal" } });
    const sent = ["select 'fatal'", update, update].flatMap(run);
    const back = await raw.exchange(Buffer.concat(sent), 3);
    expect(back.includes("C57P01\0")).toBe(true);
    expect(await raw.client.ended()).toBe("fin");
    expect(messageTypes(raw.client.received)?.join("").endsWith("E")).toBe(true);
    expect(await stock()).toEqual([["hat", 1]]);
  });

  it("what was sent behind a fatal error that an earlier one kept away goes on", async () => {
    using raw = await connectRaw(listen);
    await proxy.addToxic({ type: "pg_error", attributes: { code: "57P01", match: "fatal" } });
    const run = (text: string): readonly Buffer[] => [parse(text), bind(), execute()];
    const sent = [...run("select 1 / 0"), ...run("select 'fatal'"), sync, ...run(update), sync];
    const back = await raw.exchange(Buffer.concat(sent), 2);
    expect(messageTypes(back)?.join("")).toBe("1EZ12CZ");
    expect(await stock()).toEqual([["hat", 2]]);
  });

  it("a large statement fails whole: nothing of it reaches the server", async () => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "57014", match: "insert into stock" } });
    const text = `insert into stock values ('${"x".repeat(3_000_000)}', 1)`;
    expect(await failure(client.query(text))).toMatchObject({ code: "57014" });
    await client.query("select 1");
    expect(await stock()).toEqual([["hat", 1]]);
  });

  it("says what it was told to say", async () => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "P0001", message: "läuft nicht" } });
    expect(await failure(client.query("select 1"))).toEqual({
      code: "P0001",
      message: "läuft nicht",
      severity: "ERROR",
    });
  });

  it("draws the same statements for the same seed", async () => {
    const draw = async (): Promise<readonly boolean[]> => {
      await using other = await startServer({ seed: "seven" });
      const address = await other.proxyTo(postgres.address);
      await other.addToxic({ type: "pg_error", attributes: { code: "40001", probability: 0.5 } });
      const own = new pg.Client(clientOptions(address));
      await own.connect();
      const drawn: boolean[] = [];
      for (let index = 0; index < 20; index += 1)
        drawn.push((await failure(own.query("select 1"))) !== undefined);
      await own.end();
      return drawn;
    };
    const first = await draw();
    expect(first).toContain(true);
    expect(first).toContain(false);
    expect(await draw()).toEqual(first);
  });
});

describe("what no fault takes arrives byte for byte", () => {
  /** The same to the server and through the proxy, there with faults that match nothing. */
  async function bothWays(steps: readonly (readonly [Buffer | readonly Buffer[], number?])[]): Promise<void> {
    const attributes = { match: "no such statement" };
    await proxy.addToxic({ type: "pg_delay", attributes: { ...attributes, delay: 60_000 } });
    await proxy.addToxic({ type: "pg_error", attributes: { ...attributes, code: "40001" } });
    using before = await connectRaw(postgres.address);
    using through = await connectRaw(listen);
    for (const [bytes, readyCount] of steps) {
      const expected = await before.exchange(bytes, readyCount);
      expect(expected.length).toBeGreaterThan(0);
      expect((await through.exchange(bytes, readyCount)).equals(expected)).toBe(true);
    }
  }

  const data = (text: string): Buffer => message("d", Buffer.from(text));
  const none = Buffer.alloc(0);

  it("COPY in and out, by the simple and by the extended protocol", async () => {
    await direct.query("drop table if exists copied; create unlogged table copied (line text)");
    const lines = Array.from({ length: 500 }, (_, index) => data(`${"x".repeat(index)}\n`));
    await bothWays([
      [query("truncate copied")],
      [[query("copy copied from stdin"), ...lines, message("c", none)]],
      [query("copy copied to stdout")],
      // As libpq does: a Sync before the data, which the server passes over, and one after them.
      [[parse("copy copied from stdin"), bind(), execute(), sync, ...lines, message("c", none), sync]],
      [[parse("copy copied to stdout"), bind(), execute(), sync]],
      [[query("copy copied from stdin"), ...lines, message("f", Buffer.from("enough\0"))]],
      [query("select count(*), sum(length(line)) from copied")],
    ]);
  });

  it("large results and large values", async () => {
    const values = [Buffer.alloc(1_000_000, "a"), Buffer.alloc(70_000, "Q")];
    await bothWays([
      [query("select i, repeat('row', i % 700) from generate_series(1, 4000) i")],
      [[parse("select $1::text, length($2)", "big"), bind(values, "big"), describePortal(), execute(), sync]],
      [[bind(values, "big"), execute(), sync, bind(values, "big"), execute(), sync], 2],
      [query(`select length('${"Z".repeat(500_000)}')`)],
    ]);
  });

  it("errors of the server, notices and notifications", async () => {
    await bothWays([
      [query("do $$ begin raise notice 'squall_1_pg_error'; raise exception 'squall_1_pg_error'; end $$")],
      [query("listen news; notify news, 'squall_1_pg_error'; select 1 / 0")],
      [query("")],
    ]);
  });
});

describe("what a fault takes hold of", () => {
  it("is a warm pooled connection, from its next statement on, and again after the fault was gone", async () => {
    for (let round = 0; round < 2; round += 1) {
      await proxy.addToxic({ type: "pg_error", attributes: { code: "40001" } });
      expect(await failure(client.query("select 1"))).toEqual(serialization);
      expect(await failure(client.query("select $1::int", [1]))).toEqual(serialization);
      await proxy.removeToxic("pg_error_downstream");
      expect(await failure(client.query("select $1::int", [1]))).toBeUndefined();
      await client.query("select 1");
    }
  });

  it("is not a named statement that was prepared before: its text is not known, and that is counted", async () => {
    const named = { name: "increment", text: "update stock set count = count + $1", values: [1] };
    await client.query(named);
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "update stock" } });
    await client.query(named);
    expect(await stock()).toEqual([["hat", 3]]);
    expect(await counts("pg_error_downstream")).toMatchObject({
      matched: { requests: 0 },
      unreadable_connections: 1,
    });
  });

  it("is a named statement that was prepared while any fault of statements was there", async () => {
    const named = { name: "increment", text: "update stock set count = count + $1", values: [1] };
    await proxy.addToxic({ type: "pg_delay", attributes: { delay: 0, probability: 0 } });
    await client.query(named);
    await proxy.removeToxic("pg_delay_upstream");
    await client.query(named);
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001", match: "update stock" } });
    expect(await failure(client.query(named))).toEqual(serialization);
  });

  it("is a connection whose server refuses encryption", async () => {
    await proxy.addToxic({ type: "pg_error", attributes: { code: "40001" } });
    using plain = await connectTo(listen);
    for (const code of [80_877_104, 80_877_103]) {
      const before = plain.received.length;
      plain.socket.write(startup(code, Buffer.alloc(0)));
      await waitFor({ what: "N", withinMs: 5_000 }, () => plain.received.length === before + 1);
    }
    expect(plain.received.toString()).toBe("NN");
    plain.socket.write(startup(196_608, Buffer.from("user\0postgres\0database\0postgres\0\0")));
    await waitFor({ what: "ready", withinMs: 5_000 }, () =>
      messageTypes(plain.received.subarray(2))?.includes("Z"),
    );
    plain.socket.write(query("select 1"));
    await waitFor({ what: "the error", withinMs: 5_000 }, () => plain.received.includes("C40001\0"));
  });
});
