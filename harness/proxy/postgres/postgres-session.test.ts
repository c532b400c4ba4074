import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { waitFor } from "../../base/wait.ts";
import { backendTypes, frontendTypes, message, texts } from "./message-reader.ts";
import { pgDelay } from "./pg-delay.ts";
import { pgError } from "./pg-error.ts";
import {
  bind,
  describePortal,
  execute,
  messageTypes,
  parse,
  query,
  startup,
  sync,
} from "./postgres.fixture.ts";
import { cut, openSession } from "./session.fixture.ts";

const begin = startup(196_608, texts("user", "app", ""));
const ready = message("Z", Buffer.from("I"));
const welcome = Buffer.concat([message("R", Buffer.alloc(4)), ready]);
const failing = { code: "40001" };

/** The error of a server that has been sent a substitute. */
function errorOf(substitute: Buffer): Buffer {
  const mark = /squall_\d+_pg_error/.exec(substitute.toString("latin1"))?.[0] ?? "none";
  return message("E", texts("SERROR", "C42601", `Msyntax error at or near "${mark}"`, ""));
}

describe("where the session begins", () => {
  it("at the first byte of a new connection", () => {
    const bench = openSession();
    bench.place(pgError, failing);
    bench.session.upstream.write(Buffer.concat([begin, query("select 1")]));
    expect(bench.out("upstream").toString()).toContain("squall_1_pg_error");
  });

  it("at a request that follows an answer, when the connection has carried bytes before", () => {
    const bench = openSession("downstream");
    bench.place(pgError, failing);
    bench.session.upstream.write(query("select 1"));
    expect(bench.out("upstream").toString()).toContain("squall_1_pg_error");
  });

  it("not in the middle of a request, nor of an answer", () => {
    const bench = openSession("upstream");
    bench.place(pgError, failing);
    const sent = [query("select 1"), query("select 2")];
    for (const chunk of sent) bench.session.upstream.write(chunk);
    bench.session.downstream.write(message("D", Buffer.alloc(20)));
    bench.session.upstream.write(query("select 3"));
    expect(bench.out("upstream")).toEqual(Buffer.concat([...sent, query("select 3")]));
    bench.session.downstream.write(ready);
    bench.session.upstream.write(query("select 4"));
    expect(bench.out("upstream").toString()).toContain("squall_1_pg_error");
  });

  it("never in TLS that was there before", () => {
    const bench = openSession("downstream");
    const { fault } = bench.place(pgError, failing);
    bench.session.upstream.write(Buffer.from("1703030010", "hex"));
    bench.session.downstream.write(ready);
    bench.session.upstream.write(query("select 1"));
    expect(bench.out("upstream").subarray(5)).toEqual(query("select 1"));
    expect(fault.unreadableConnections).toBe(1);
  });

  it("not where a request does not look like messages, which is counted", () => {
    const bench = openSession("downstream");
    const { fault } = bench.place(pgError, failing);
    const http = Buffer.from("POST /orders HTTP/1.1\r\n\r\n");
    bench.session.upstream.write(http);
    expect(bench.out("upstream")).toEqual(http);
    expect(fault.unreadableConnections).toBe(1);
  });

  it.each([
    ["TLS asked for and given", [startup(80_877_103, Buffer.alloc(0))], Buffer.from("S")],
    ["TLS from the first byte", [Buffer.from("160301020001", "hex")], Buffer.from("160303", "hex")],
    ["another protocol", [Buffer.from("GET / HTTP/1.1\r\n\r\n")], Buffer.from("HTTP/1.1 200 OK\r\n")],
    ["an older protocol", [startup(131_072, Buffer.alloc(0))], Buffer.from("R")],
    ["a message of 2 GiB", [begin, Buffer.from("51800000000000", "hex")], Buffer.alloc(0)],
  ])("never in %s: it passes and is counted", (_what, request, answer) => {
    const bench = openSession();
    const { fault } = bench.place(pgError, failing);
    for (const chunk of request) bench.session.upstream.write(chunk);
    bench.session.downstream.write(answer);
    bench.session.upstream.write(query("select 1"));
    bench.session.downstream.write(ready);
    expect(bench.out("upstream")).toEqual(Buffer.concat([...request, query("select 1")]));
    expect(bench.out("downstream")).toEqual(Buffer.concat([answer, ready]));
    expect([fault.unreadableConnections, fault.matched.requests]).toEqual([1, 0]);
    const later = bench.place(pgDelay, { delay: 1 });
    expect(later.fault.unreadableConnections).toBe(1);
  });

  it("never in a request to cancel, which is nobody's failure to read", () => {
    const bench = openSession();
    const { fault } = bench.place(pgError, failing);
    const cancel = startup(80_877_102, Buffer.alloc(8));
    bench.session.upstream.write(cancel);
    expect(bench.out("upstream")).toEqual(cancel);
    expect(fault.unreadableConnections).toBe(0);
  });
});

describe("what is told of a statement", () => {
  const run = (attributes: object, ...messages: readonly Buffer[]) => {
    const bench = openSession("downstream");
    bench.place(pgError, { ...failing, ...attributes });
    for (const each of messages) {
      bench.session.upstream.write(each);
      bench.session.downstream.write(Buffer.concat([errorOf(bench.out("upstream")), ready]));
    }
    return bench.calls();
  };
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const comment = `/*db='x',traceparent='00-${traceId}-b7ad6b7169203331-01'*/`;

  it.each([
    ["insert into orders (id, total) values ('secret', 1)", "insert into orders"],
    ["  SELECT * FROM users WHERE email = 'secret'", "select * from users"],
    ["select id, secret from users", "select id"],
    ["/* secret */ commit;", "commit"],
    ["update stock set price=17", "update stock set"],
    ["'secret'", "statement"],
  ])("%s is called by its first words, without values: %s", (text, label) => {
    expect(run({}, query(text))).toMatchObject([{ call: label, effect: "answered 40001", trace_id: null }]);
  });

  it("is called by the match that took it, and by the trace of its comment", () => {
    const text = `select * from users where email = 'secret' ${comment}`;
    expect(run({ match: "FROM  users" }, query(text))).toMatchObject([
      { call: "FROM  users", trace_id: traceId },
    ]);
  });

  it("has the trace of an unnamed prepared statement, but not that of a named one, which is of its first use", () => {
    const text = `select 1 ${comment}`;
    const batch = (name: string) => Buffer.concat([parse(text, name), bind([], name), execute(), sync]);
    expect(run({}, batch(""))).toMatchObject([{ call: "select 1".slice(0, 6), trace_id: traceId }]);
    expect(run({}, batch("named"))).toMatchObject([{ trace_id: null }]);
  });
});

describe("what a match takes", () => {
  it.each([
    ["update stock", "UPDATE\n\t stock SET x = 1", true],
    ["update * where", "update stock set x = 1 where y", true],
    ["update*stock*update", "update stock", false],
    ["a*a", "a", false],
    ["stock set", "update stock", false],
    ["100%", "select '100%'", true],
  ])("%s in %s: %s", (match, text, isTaken) => {
    const bench = openSession("downstream");
    const { fault } = bench.place(pgError, { ...failing, match: { statement: match } });
    bench.session.upstream.write(query(text));
    expect(fault.matched.requests).toBe(isTaken ? 1 : 0);
  });

  it("is looked for in the first 64 KiB of a statement, which is not held for longer", () => {
    const bench = openSession("downstream");
    const { fault } = bench.place(pgError, { ...failing, match: "needle" });
    const text = `select '${"x".repeat(100_000)}needle'`;
    const [first, ...rest] = cut(query(text), [70_000, 90_000]);
    bench.session.upstream.write(first ?? Buffer.alloc(0));
    expect(bench.out("upstream")).toHaveLength(70_000);
    for (const chunk of rest) bench.session.upstream.write(chunk);
    expect(bench.out("upstream").equals(query(text))).toBe(true);
    expect(fault.matched.requests).toBe(0);
  });

  it("follows the statement by name from Parse to Bind to Execute, until it is closed", () => {
    const bench = openSession("downstream");
    const { fault } = bench.place(pgDelay, { delay: 0, match: "from stock" });
    const executions = [
      [parse("select * from stock", "named"), bind([], "named", "portal"), execute("portal")],
      [parse("select 1"), bind(), execute(), execute("portal")],
      [bind([], "named"), execute()],
      [message("C", texts("Snamed")), bind([], "named"), execute()],
    ];
    const counts = executions.map((messages) => {
      for (const each of messages) bench.session.upstream.write(each);
      return fault.matched.requests;
    });
    expect(counts).toEqual([1, 2, 3, 3]);
  });
});

describe("what is let go", () => {
  const held = (...more: readonly Buffer[]) => {
    const bench = openSession("downstream");
    bench.place(pgDelay, { delay: 60_000 });
    for (const each of [query("select 1"), ...more]) bench.session.upstream.write(each);
    expect(bench.out("upstream")).toHaveLength(0);
    return bench;
  };

  it("is all that was held, in order, and the ending behind it", () => {
    const bench = held(query("select 2"), Buffer.from("Q"));
    bench.session.upstream.end("fin");
    expect(bench.endings).toEqual([]);
    bench.removeAll();
    expect(bench.out("upstream")).toEqual(
      Buffer.concat([query("select 1"), query("select 2"), Buffer.from("Q")]),
    );
    expect(bench.endings).toEqual([["upstream", "fin"]]);
  });

  it("is a statement that was to fail when its delay was over, as it is, once that fault is gone", () => {
    const bench = openSession("downstream");
    const toxics = [bench.place(pgDelay, { delay: 60_000 }), bench.place(pgError, failing)];
    bench.session.upstream.write(query("select 1"));
    bench.session.apply(toxics.slice(0, 1));
    expect(bench.out("upstream")).toHaveLength(0);
    bench.session.apply([]);
    expect(bench.out("upstream")).toEqual(query("select 1"));
  });

  it("is what was delayed by one fault only: the delay of another goes on", () => {
    const bench = openSession("downstream");
    const toxics = [bench.place(pgDelay, { delay: 60_000 }), bench.place(pgDelay, { delay: 60_000 })];
    bench.session.upstream.write(query("select 1"));
    bench.session.apply(toxics.slice(1));
    expect(bench.out("upstream")).toHaveLength(0);
    bench.session.apply([]);
    expect(bench.out("upstream")).toEqual(query("select 1"));
  });

  it("is each statement in its turn, however they came", async () => {
    const bench = openSession("downstream");
    const { fault } = bench.place(pgDelay, { delay: 5, match: "slow" });
    const sent = ["slow", "a", "slow", "b", "c", "slow", "d"].map((word) => query(`select '${word}'`));
    for (const chunk of cut(Buffer.concat(sent), [45, 60, 90])) bench.session.upstream.write(chunk);
    bench.session.upstream.end("fin");
    await waitFor({ what: "all is sent", withinMs: 5_000, everyMs: 1 }, () => bench.endings.length === 1);
    expect(bench.out("upstream").toString()).toEqual(Buffer.concat(sent).toString());
    expect(fault.affected.requests).toBe(3);
  });

  it("is the end of a client that does not wait for its fatal error, but not what it sent behind that", () => {
    const sent = [query("select 1"), query("select 2")];
    for (const ending of ["close", "reset"] as const) {
      const bench = openSession("downstream");
      bench.place(pgError, { code: "57P01" });
      for (const each of sent) bench.session.upstream.write(each);
      bench.session.upstream.end(ending);
      expect(bench.endings).toEqual([["upstream", ending]]);
      expect(bench.out("upstream").includes("select 2")).toBe(false);
    }
  });

  it("is a begun answer, as it is, when the connection ends before the whole of it", () => {
    const bench = openSession("downstream");
    bench.place(pgError, failing);
    bench.session.upstream.write(query("select 1"));
    const half = errorOf(bench.out("upstream")).subarray(0, 30);
    bench.session.downstream.write(half);
    expect(bench.out("downstream")).toHaveLength(0);
    bench.session.downstream.end("fin");
    expect(bench.out("downstream")).toEqual(half);
    expect(bench.calls()).toEqual([]);
  });

  it("is nothing once the connection is gone, and no timer stays behind", () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timers();
    const bench = held();
    expect(timers()).toBe(before + 1);
    bench.session.upstream.drop();
    bench.session.downstream.drop();
    expect(timers()).toBe(before);
    bench.removeAll();
    expect(bench.out("upstream")).toHaveLength(0);
  });

  it("is not the error of a statement that has failed already: it comes even when the fault is gone", () => {
    const bench = openSession("downstream");
    bench.place(pgError, failing);
    bench.session.upstream.write(query("select 1"));
    bench.removeAll();
    bench.session.downstream.write(Buffer.concat([errorOf(bench.out("upstream")), ready]));
    expect(bench.out("downstream").toString()).toContain("C40001");
    expect(bench.out("downstream").toString()).not.toContain("squall");
  });
});

it("what waits behind a delayed statement is bounded: the source is to pause", () => {
  const bench = openSession("downstream");
  bench.place(pgDelay, { delay: 60_000 });
  bench.session.upstream.write(query("select 1"));
  expect(bench.session.upstream.isFull()).toBe(false);
  bench.session.upstream.write(Buffer.alloc(64 * 1_024));
  expect(bench.session.upstream.isFull()).toBe(true);
  bench.removeAll();
  expect(bench.session.upstream.isFull()).toBe(false);
});

it("a statement's substitute that the server discarded is forgotten with its batch", () => {
  const bench = openSession("downstream");
  bench.place(pgError, { ...failing, match: "stock" });
  const batch = [parse("select 1 / 0"), bind(), execute(), parse("select stock"), bind(), execute(), sync];
  bench.session.upstream.write(Buffer.concat(batch));
  const error = errorOf(bench.out("upstream"));
  const discarded = Buffer.concat([errorOf(Buffer.alloc(0)), ready]);
  bench.session.downstream.write(discarded);
  bench.session.downstream.write(error);
  expect(bench.out("downstream")).toEqual(Buffer.concat([discarded, error]));
});

/** Streams as peers send them, and cuts. */
const bodies = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const streamOf = (types: string) =>
  fc
    .array(fc.tuple(fc.constantFrom(...types), bodies), { maxLength: 12 })
    .map((messages) => Buffer.concat(messages.map(([type, body]) => message(type, body))));
const batches = fc
  .array(
    fc.oneof(
      fc.string().map((text) => query(text.replaceAll("\0", ""))),
      fc.tuple(fc.string(), bodies).map(([text, value]) => {
        const named = text.replaceAll("\0", "");
        return Buffer.concat([parse(named, named), bind([value], named), describePortal(), execute(), sync]);
      }),
    ),
    { maxLength: 6 },
  )
  .map((all) => Buffer.concat(all));
const unfinished = (streams: fc.Arbitrary<Buffer>) =>
  fc
    .tuple(streams, fc.nat(8))
    .map(([bytes, missing]) => bytes.subarray(0, Math.max(0, bytes.length - missing)));
const cuts = fc.array(fc.nat(3_000), { maxLength: 12 });
const starts = fc.constantFrom(undefined, "downstream" as const);

describe("whatever the bytes and wherever they are cut", () => {
  it("what no fault takes passes byte for byte, in both directions", () => {
    fc.assert(
      fc.property(
        unfinished(fc.oneof(streamOf(frontendTypes), batches, bodies)),
        unfinished(fc.oneof(streamOf(backendTypes), bodies)),
        cuts,
        cuts,
        starts,
        (sent, answered, cutsUp, cutsDown, lastCarried) => {
          const bench = openSession(lastCarried);
          bench.place(pgError, { ...failing, probability: 0 });
          bench.place(pgDelay, { delay: 60_000, match: "no such statement" });
          const request = lastCarried === undefined ? Buffer.concat([begin, sent]) : sent;
          for (const chunk of cut(request, cutsUp)) bench.session.upstream.write(chunk);
          for (const chunk of cut(answered, cutsDown)) bench.session.downstream.write(chunk);
          bench.session.upstream.end("fin");
          bench.session.downstream.end("fin");
          expect(bench.out("upstream").equals(request)).toBe(true);
          expect(bench.out("downstream").equals(answered)).toBe(true);
          expect(bench.endings).toEqual([
            ["upstream", "fin"],
            ["downstream", "fin"],
          ]);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("what a fault does is the same", () => {
    fc.assert(
      fc.property(batches, cuts, cuts, (sent, cutsUp, cutsDown) => {
        const run = (up: readonly number[], down: readonly number[]) => {
          const bench = openSession();
          bench.place(pgError, { ...failing, every: 2 });
          for (const chunk of cut(Buffer.concat([begin, sent]), up)) bench.session.upstream.write(chunk);
          const forwarded = bench.out("upstream");
          const marks = forwarded.toString("latin1").match(/squall_\d+_pg_error/g) ?? [];
          const answers = marks.map((mark) => Buffer.concat([errorOf(Buffer.from(mark)), ready]));
          const answered = Buffer.concat([welcome, ...answers]);
          for (const chunk of cut(answered, down)) bench.session.downstream.write(chunk);
          return [forwarded, bench.out("downstream"), bench.calls()] as const;
        };
        const [forwarded, answered, calls] = run(cutsUp, cutsDown);
        const [wholeForwarded, wholeAnswered, wholeCalls] = run([], []);
        expect(forwarded.equals(wholeForwarded)).toBe(true);
        expect(answered.equals(wholeAnswered)).toBe(true);
        expect(calls).toEqual(wholeCalls);
        expect(answered.includes("squall")).toBe(false);
        expect(messageTypes(answered)?.filter((type) => type === "E")).toHaveLength(calls.length);
      }),
      { numRuns: 200 },
    );
  });

  it("10,000 malformed streams neither crash nor hang it, and nothing stays behind", () => {
    const mangled = fc
      .tuple(
        fc.oneof(streamOf(frontendTypes), streamOf(backendTypes), batches, bodies),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([bytes, changes]) => {
        const copy = Buffer.from(bytes);
        for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
        return copy;
      });
    const execute = [69, 0, 0, 0, 4];
    const closedBehindFatal = Buffer.from([...execute, ...execute, ...execute, 81, 0, 0, 0, 4]);
    fc.assert(
      fc.property(
        mangled,
        mangled,
        cuts,
        starts,
        fc.boolean(),
        (sent, answered, places, lastCarried, isValid) => {
          const bench = openSession(lastCarried);
          bench.place(pgDelay, { delay: 60_000, every: 3 });
          bench.place(pgError, { code: "57P01", every: 2 });
          bench.place(pgError, failing);
          if (isValid && lastCarried === undefined) bench.session.upstream.write(begin);
          for (const chunk of cut(sent, places)) bench.session.upstream.write(chunk);
          for (const chunk of cut(answered, places)) bench.session.downstream.write(chunk);
          bench.session.upstream.end("close");
          bench.session.downstream.end("fin");
          bench.removeAll();
          expect(bench.session.upstream.isFull()).toBe(false);
          expect(bench.endings).toContainEqual(["upstream", "close"]);
          expect(bench.endings).toContainEqual(["downstream", "fin"]);
          bench.session.upstream.drop();
          bench.session.downstream.drop();
        },
      ),
      // A close of the client while a statement was delayed behind a fatal error was held for ever.
      { numRuns: 10_000, examples: [[closedBehindFatal, Buffer.alloc(0), [], undefined, true]] },
    );
  });
});
