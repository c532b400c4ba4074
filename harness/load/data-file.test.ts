import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createRandom } from "../base/random.ts";
import { dataFile } from "./data-file.ts";
import { rowsFor } from "./data-rows.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-data-"));
const account = z.object({ email: z.email(), age: z.coerce.number().int() });

function write(name: string, content: string): URL {
  writeFileSync(join(folder, name), content);
  return pathToFileURL(join(folder, name));
}

const shown = (name: string): string => relative(".", join(folder, name));

describe("rows are read", () => {
  const rows = [
    { email: "a@shop.example", age: 31 },
    { email: "b@shop.example", age: 7 },
  ];
  test.each([
    ["plain.csv", "email,age\na@shop.example,31\nb@shop.example,7\n"],
    ["windows.csv", "\ufeffemail,age\r\na@shop.example,31\r\nb@shop.example,7"],
    ["quoted.csv", '"email", "age"\n\n"a@shop.example","31"\nb@shop.example , 7\n'],
    ["list.json", JSON.stringify(rows, undefined, 2)],
    ["lines.jsonl", rows.map((row) => JSON.stringify(row)).join("\n")],
    ["texts.ndjson", '{"email":"a@shop.example","age":"31"}\n\n{"email":"b@shop.example","age":7}\n'],
  ])("from %s", (name, content) => {
    expect(dataFile(write(name, content), account)).toEqual({ file: shown(name), rows });
  });

  test("with line breaks and separators in quoted cells", () => {
    const { rows } = dataFile(write("long.csv", 'id,text\n1,"two\nlines, and ""more"""\n'), z.unknown());
    expect(rows).toEqual([{ id: "1", text: 'two\nlines, and "more"' }]);
  });
});

describe("a row that does not fit is named with its line, its field, what was expected and what was given", () => {
  test.each([
    [
      "bad.csv",
      "email,age\na@shop.example,31\nnobody,old\n",
      [
        /^line 3 {2}email {2}Invalid email address, got "nobody"$/,
        /^line 3 {2}age {4}.*number.*, got "old"$/,
      ],
    ],
    ["after-break.csv", 'email,age\n"a@\nshop",1\nnobody,1\n', [/^line 3 {2}email/, /^line 4 {2}email/]],
    ["missing.csv", "mail,age\na@shop.example,31\n", [/^line 2 {2}email {2}expected a text, got nothing$/]],
    ["bad.json", '[\n  {"email": "a@shop.example", "age": 1},\n  7\n]', [/^line 3 .*, got 7$/]],
    ["bad.jsonl", '{"email":"a@shop.example","age":1}\n{"email":1,"age":1}', [/^line 2 .*text, got 1$/]],
    [
      "ragged.csv",
      "email,age\na@shop.example\n",
      [/^line 2 {2}expected 2 columns as in the first line, got 1$/],
    ],
    ["twice.csv", "email,email\na,b\n", [/^line 1 {2}expected each column once, got "email" twice$/]],
    ["quote.csv", 'email,age\n"a@shop.example,31\n', [/^line \d+ {2}.*[Qq]uote/]],
    ["broken.json", '[\n{"email":\n]', [/^line 3 {2}expected JSON/]],
    ["object.json", '{"rows":[]}', [/^line 1 {2}expected a list of rows, got one value$/]],
    ["broken.jsonl", "{}\n{", [/^line 2 {2}expected a JSON value/]],
    ["empty.csv", "email,age\n", [/^line 1 {2}expected at least one row, got none$/]],
  ])("%s", (name, content, problems) => {
    const lines = messageOf(() => dataFile(write(name, content), account)).split("\n");
    expect(lines[0]).toMatch(new RegExp(`${name} is not a valid data file \\(${problems.length} problem`));
    for (const [index, problem] of problems.entries()) expect(lines[index + 1]?.trim()).toMatch(problem);
  });

  test("twenty of many are listed, and the others counted", () => {
    const rows = Array.from({ length: 500 }, (_, index) => `no-${index},1`).join("\n");
    const lines = messageOf(() => dataFile(write("many.csv", `email,age\n${rows}\n`), account)).split("\n");
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toMatch(/line 501 .*and 480 more like these$/);
  });

  test("a file that is not there, or of a kind that is not known, is refused by name", () => {
    expect(messageOf(() => dataFile(pathToFileURL(join(folder, "none.csv")), account))).toContain(
      `cannot read the data file ${shown("none.csv")}`,
    );
    expect(messageOf(() => dataFile(write("a.xlsx", ""), account))).toContain(
      "expected a name that ends in .csv, .json or .jsonl",
    );
  });
});

describe("a journey takes rows", () => {
  const file = { file: "letters.csv", rows: ["a", "b", "c"] };
  const rowsOf = (arrival: number, user: number) =>
    rowsFor(file, { random: createRandom(`seed/${arrival}`), arrival, user });

  test("in turn, one an arrival, and from the first again", () => {
    expect([0, 1, 2, 3, 4].map((arrival) => rowsOf(arrival, 0).next())).toEqual(["a", "b", "c", "a", "b"]);
  });

  test("by its own random stream: the same for the same seed and arrival", () => {
    const picked = Array.from({ length: 50 }, (_, arrival) => rowsOf(arrival, 0).pick());
    expect(new Set(picked)).toEqual(new Set(file.rows));
    expect(Array.from({ length: 50 }, (_, arrival) => rowsOf(arrival, 0).pick())).toEqual(picked);
  });

  test("of its virtual user's own, and never another's", () => {
    expect([0, 2].map((user) => rowsOf(7, user).own())).toEqual(["a", "c"]);
    expect(() => rowsOf(7, 3).own()).toThrow("letters.csv has 3 rows: virtual user 3");
  });
});

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
}
