import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkoutTrace, mailTrace, writeLoggedRun } from "../engine/logged-run.fixture.ts";
import { fakeHost, type FakeHostOptions } from "./fake-host.ts";
import { main } from "./main.ts";

let runs: string;
beforeAll(() => {
  runs = mkdtempSync(join(tmpdir(), "squall-logs-"));
  writeLoggedRun(runs);
});
afterAll(() => rmSync(runs, { recursive: true, force: true }));

async function squall(args: readonly string[], options: FakeHostOptions = {}) {
  const host = fakeHost(["logs", ...args, "--runs", runs], options);
  const exitCode = await main(host);
  return { exitCode, out: host.out(), err: host.err(), lines: host.out().trimEnd().split("\n") };
}

test("the lines of all services come by time, with phase, process, level and message, one a line", async () => {
  const { exitCode, lines, err } = await squall(["latest"]);
  expect(exitCode).toBe(0);
  expect(lines).toEqual([
    "  -5.000s before   order        info  listening port=14770",
    `   2.000s baseline order        warn  an order of 12 cents is odd trace=${"aa".repeat(16)}`,
    "  11.000s fault    order-db     error LIMIT must not be negative statement=select 1 limit -1",
    "  12.000s fault    order        warn  an order of 13 cents is odd",
    "  13.250s fault    order        warn  no mail yet: notification did not answer: timeout: no answer by the deadline" +
      ` trace=${checkoutTrace} orderId=f862a482-3f20-470f-8f00-3a65e4df8e47`,
    `  13.500s fault    notification warn  a message was not sent yet: ETIMEDOUT trace=${mailTrace}`,
    "  13.500s fault    notification text  Error: a crash as Node tells it",
    "  13.500s fault    notification text  at send (mailer.ts:88:10)",
    "  14.000s fault    order-2      warn  an order of 14 cents is odd",
    "  15.000s fault    order-2      error gone wrong for good",
    "  16.000s fault    notification warn  a message was not sent yet: ETIMEDOUT",
    '  16.000s fault    notification cut   {"level":"info","time":"2026-11-21T10:0',
    "  23.000s recovery order        info  mail at last",
  ]);
  expect(err).toBe("13 of 13 lines; 2 lines are no record, 1 line was cut off\n");
});

test.each([60, 80, 160])(
  "a terminal of %i columns shows every word within them, in colours",
  async (columns) => {
    const { out, lines } = await squall(["latest", "--trace", checkoutTrace], { columns, isTTY: true });
    expect(out).toContain("\u001b[");
    const plain = lines.map(stripVTControlCharacters);
    for (const line of plain) expect(line.length).toBeLessThanOrEqual(columns);
    const text = plain.join(" ").replaceAll(/\s+/g, " ");
    expect(text).toContain("no mail yet: notification did not answer: timeout: no answer by the deadline");
    expect(text).toContain(columns < 120 ? "[48291daf]" : `trace=${checkoutTrace}`);
  },
);

test("colour is for a terminal alone", async () => {
  expect((await squall(["latest"], { columns: 80 })).out).not.toContain("\u001b[");
  expect((await squall(["latest"], { isTTY: true, env: { NO_COLOR: "1" } })).out).not.toContain("\u001b[");
});

test("what is in a line does not reach the terminal as a command to it", async () => {
  const folder = writeLoggedRun(runs, "2026-11-20T10-00-00-hostile");
  writeFileSync(
    join(folder, "logs/order.jsonl"),
    '{"msg":"\\u001b[2J gone","time":1,"a\\u0007":"\\u009b"}\n\u001b[2J\n',
  );
  const { out } = await squall(["2026-11-20T10-00-00-hostile", "--service", "order"]);
  // eslint-disable-next-line no-control-regex -- they are what must not be there
  expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

test("it waits until what it wrote is out, and ends when nobody reads any more", async () => {
  const folder = writeLoggedRun(runs, "2026-11-17T10-00-00-long");
  const line = JSON.stringify({ time: "2026-11-21T10:00:01.000Z", msg: "again ".repeat(20) });
  writeFileSync(join(folder, "logs/order.jsonl"), `${line}\n`.repeat(2_000));
  const host = fakeHost(["logs", "2026-11-17T10-00-00-long", "--service", "order", "--runs", runs]);
  let underWay = 0;
  let written = 0;
  const writing = (fail: boolean) =>
    main({
      ...host,
      stdout: {
        ...host.stdout,
        write(text, onWritten) {
          underWay += 1;
          written += text.length;
          expect(underWay).toBe(1);
          setImmediate(() => {
            underWay -= 1;
            onWritten?.(fail ? new Error("EPIPE") : undefined);
          });
        },
      },
    });
  expect(await writing(false)).toBe(0);
  expect(written).toBeGreaterThan(250_000);
  written = 0;
  expect(await writing(true)).toBe(0);
  expect(written).toBeLessThan(100_000);
});

test("with --json a record is as it was logged, with run, phase, service and process", async () => {
  const { lines } = await squall(["latest", "--json", "--service", "order", "--during", "fault"]);
  const run = "2026-11-21T10-00-00-slow-mail";
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ run, phase: "fault", service: "order", instance: "order", level: "warn" }),
    {
      ...{ run, phase: "fault", service: "order", instance: "order" },
      ...{ level: "warn", time: "2026-11-21T10:00:13.250Z", msg: "no mail yet", trace_id: checkoutTrace },
      orderId: "f862a482-3f20-470f-8f00-3a65e4df8e47",
      err: { type: "CallFailed", message: "notification did not answer: timeout: no answer by the deadline" },
    },
    expect.objectContaining({ service: "order", instance: "order-2", msg: "an order of 14 cents is odd" }),
    expect.objectContaining({ service: "order", instance: "order-2", msg: "gone wrong for good" }),
  ]);
  const others = (await squall(["latest", "--json", "--service", "notification,order-db"])).lines.map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  expect(others[0]).toMatchObject({
    msg: "LIMIT must not be negative",
    pid: 7,
    statement: "select 1\n  limit -1",
  });
  expect(others.map(({ form }) => form)).toEqual([undefined, undefined, "text", "text", undefined, "cut"]);
});

test.each([
  [
    ["--trace", checkoutTrace],
    ["no mail yet", "a message was not sent yet"],
  ],
  [
    ["--trace", mailTrace.slice(0, 8).toUpperCase()],
    ["no mail yet", "a message was not sent yet"],
  ],
  // Its spans were lost.
  [["--trace", "aaaaaaaa"], ["an order of 12"]],
  [
    ["--service", "order-2"],
    ["an order of 14", "gone wrong"],
  ],
  [
    ["--level", "error"],
    ["LIMIT", "Error: a crash", "at send", "gone wrong", '{"level"'],
  ],
  [["--during", "baseline"], ["an order of 12"]],
  [["--during", "before"], ["listening"]],
  [["--during", "after"], []],
  [["--only-during", "recovery"], ["mail at last"]],
  [
    ["--only-during", "fault", "--service", "order", "--level", "warn"],
    ["no mail yet", "gone wrong"],
  ],
  [
    ["--only-during", "fault", "--trace", mailTrace],
    ["no mail yet", "a message was not sent yet"],
  ],
])("squall logs %j", async (args, beginnings) => {
  const { out, exitCode, lines } = await squall(["latest", ...args]);
  const messages = out === "" ? [] : lines;
  expect(exitCode).toBe(0);
  expect(messages).toHaveLength(beginnings.length);
  beginnings.forEach((text, index) => expect(messages[index]).toContain(text));
});

test("--patterns tells what the lines have in common, and how often it was said", async () => {
  const { lines } = await squall(["latest", "--patterns", "--service", "order"]);
  expect(lines[0]).toBe("   2.000s baseline order   warn  3× an order of <n> cents is odd [aaaaaaaa]");
  const [json] = (await squall(["latest", "--patterns", "--json", "--only-during", "fault"])).lines;
  expect(JSON.parse(json ?? "")).toMatchObject({
    ...{ phase: "fault", service: "notification", level: "warn", count: 2 },
    pattern: "a message was not sent yet: ETIMEDOUT",
    first: { trace_id: mailTrace, message: "a message was not sent yet: ETIMEDOUT" },
  });
});

test("it writes nothing", async () => {
  const folder = join(runs, "2026-11-21T10-00-00-slow-mail");
  const names = (): readonly string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const before = names();
  await squall(["latest"]);
  expect(names()).toEqual(before);
});

describe("what is wrong on the command line ends with 3, and says what there is", () => {
  test.each([
    [["lates"], 'there is no run "lates"'],
    [["latest", "--service", "oder"], '--service: unknown service "oder", did you mean "order"?'],
    [
      ["latest", "--service", "kitchen"],
      '--service: unknown service "kitchen", expected one of notification, order, order-2, order-db',
    ],
    [["latest", "--service", "order,"], 'expected names such as order,payment, got "order,"'],
    [
      ["latest", "--during", "warmup"],
      '--during: unknown phase of this run "warmup", expected one of baseline, fault, recovery, before, after',
    ],
    [["latest", "--only-during", "fualt"], 'unknown phase of this run "fualt", did you mean "fault"?'],
    [["latest", "--only-during", "fault", "--during", "fault"], "cannot be used with option"],
    [["latest", "--level", "loud"], 'unknown level "loud"'],
    [["latest", "--trace", "4829"], 'expected a trace id, or at least its first 8 digits, got "4829"'],
    [["latest", "--trace", "ffffffff"], "--trace: no span and no line of this run is of trace ffffffff"],
  ])("squall logs %j", async (args, message) => {
    const { exitCode, out, err } = await squall(args);
    expect(err).toContain(message);
    expect({ exitCode, out }).toEqual({ exitCode: 3, out: "" });
  });

  test("a run that left no logs", async () => {
    const folder = writeLoggedRun(runs, "2026-11-19T10-00-00-silent");
    rmSync(join(folder, "logs"), { recursive: true });
    expect((await squall(["2026-11-19T10-00-00-silent"])).err).toContain(
      "2026-11-19T10-00-00-silent has no logs",
    );
  });

  test("a folder that is no run", async () => {
    const folder = join(runs, "2026-11-18T10-00-00-none");
    mkdirSync(folder);
    expect((await squall([folder])).err).toContain("no run folder");
  });
});

test("docs/logs.md names every option and the examples of --help", async () => {
  const page = readFileSync("docs/logs.md", "utf8");
  const { out } = await squall(["--help"]);
  const options = out.match(/^ {2}--[a-z-]+/gm)?.map((option) => option.trim()) ?? [];
  expect(options.length).toBeGreaterThan(6);
  for (const option of options) expect(page).toContain(`| \`${option}`);
  for (const [, example] of out.matchAll(/^ {2}\$ (.*)$/gm)) expect(page).toContain(example);
});
