import fc from "fast-check";
import { expect, test } from "vitest";
import type { FileLine } from "../base/line-stream.ts";
import { readLog } from "./read-log.ts";

const source = { instance: "catalog-db", service: "catalog-db" };

function read(text: string) {
  const lines = text
    .split("\n")
    .map((line): FileLine => ({ text: line, sizeBytes: line.length, isWhole: true }));
  return [...readLog(source, lines)];
}

const postgres = `2026-11-21 14:30:47.773 UTC [9179] FATAL:  the database system is starting up
2026-11-21 11:11:01.046 UTC [7019] ERROR:  LIMIT must not be negative
2026-11-21 11:11:01.046 UTC [7019] HINT:  Ask for more.
2026-11-21 11:11:01.046 UTC [7019] STATEMENT:  update messages
\t       where channel = $1
\t       limit $2
2026-11-21 11:11:02.000 UTC [9] LOG:  two
\tlines
2026-11-21 11:11:03.000 UTC [9] PANIC:  over`;

test("PostgreSQL's own log is read, and what it says further belongs to its message", () => {
  expect(read(postgres)).toEqual([
    {
      ...source,
      form: "postgres",
      atMs: Date.parse("2026-11-21T14:30:47.773Z"),
      level: "error",
      message: "the database system is starting up",
      fields: {},
      content: {
        time: "2026-11-21T14:30:47.773Z",
        level: "error",
        pid: 9179,
        msg: "the database system is starting up",
      },
    },
    expect.objectContaining({
      level: "error",
      message: "LIMIT must not be negative",
      fields: {
        hint: "Ask for more.",
        statement: "update messages\n       where channel = $1\n       limit $2",
      },
    }),
    expect.objectContaining({ level: "info", message: "two\nlines", fields: {} }),
    expect.objectContaining({ level: "fatal", message: "over" }),
  ]);
});

test("text is shown as it is, at the time of the line before it; a clock of another zone is not guessed", () => {
  const lines = read(`Error: early
{"time":"2026-11-21T14:30:50.000Z","msg":"ready"}

    at somewhere (file.ts:1)
2026-11-21 16:00:00.000 CET [1] LOG:  ready`);
  expect(lines.map(({ form, message, atMs }) => [form, message, atMs])).toEqual([
    ["text", "Error: early", undefined],
    ["json", "ready", Date.parse("2026-11-21T14:30:50.000Z")],
    ["text", "    at somewhere (file.ts:1)", Date.parse("2026-11-21T14:30:50.000Z")],
    ["text", "2026-11-21 16:00:00.000 CET [1] LOG:  ready", Date.parse("2026-11-21T14:30:50.000Z")],
  ]);
});

test("a last line that does not end is cut off, unless it is whole all the same", () => {
  const ended = (text: string): FileLine => ({ text, sizeBytes: text.length, isWhole: false });
  expect([...readLog(source, [ended('{"msg":"rea')])]).toMatchObject([
    { form: "cut", message: '{"msg":"rea' },
  ]);
  expect([...readLog(source, [ended('{"msg":"ready"}')])]).toMatchObject([
    { form: "json", message: "ready" },
  ]);
  expect([...readLog(source, [ended("2026-11-21 11:11:03.000 UTC [9] LOG:  ov")])]).toMatchObject([
    { form: "cut" },
  ]);
});

test("whatever is in a log, every line that says something is told once, in order", () => {
  const anything = fc.oneof(
    fc.string().map((text) => text.replaceAll("\n", " ")),
    fc.json().map((text) => text.replaceAll("\n", " ")),
    fc.constantFrom(...postgres.split("\n")),
  );
  fc.assert(
    fc.property(fc.array(anything), (lines) => {
      const all = [...read(lines.join("\n"))]
        .flatMap(({ content, form, message }) =>
          form === "json" ? [JSON.stringify(content)] : [message, ...Object.values(content).map(String)],
        )
        .join("\n");
      for (const line of lines) {
        const isJson = line.startsWith("{") && /\}$/.test(line);
        if (line.trim() === "" || isJson) continue;
        expect(all).toContain(line.replace(/^.*?(?:[A-Z]+): {2}/, "").replace(/^\t/, ""));
      }
    }),
  );
});
