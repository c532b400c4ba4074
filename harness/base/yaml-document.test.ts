import { expect, test } from "vitest";
import { z } from "zod";
import { duration, fields, oneKeyOf } from "./fields.ts";
import {
  InvalidDocumentError,
  checkDocument,
  formatPath,
  parseYamlText,
  plainDocument,
  type YamlDocument,
} from "./yaml-document.ts";

const schema = fields({
  title: z.string(),
  waits: z.array(oneKeyOf({ sleep: fields({ for: duration() }), yield: fields({}) })).min(1, {
    error: "expected at least one wait",
  }),
});

function refusal(document: () => YamlDocument): InvalidDocumentError {
  try {
    checkDocument(document(), schema);
  } catch (error) {
    if (error instanceof InvalidDocumentError) return error;
    throw error;
  }
  throw new Error("the document was accepted");
}

test("a document that fits gives the schema's value", () => {
  const document = parseYamlText("title: Nap\nwaits:\n  - sleep: { for: 2m }\n", "nap.yaml", "experiment");
  expect(checkDocument(document, schema)).toEqual({ title: "Nap", waits: [{ for: 120_000 }] });
});

test("every problem is named at once, in the order of lines, in columns", () => {
  const source = "waits:\n  - sleep:\n      for: 200\n  - yeild: {}\ntitel: Nap\n";
  expect(refusal(() => parseYamlText(source, "nap.yaml", "experiment")).message).toBe(
    [
      "nap.yaml is not a valid experiment (4 problems)",
      "  line 1  title               expected a text, got nothing",
      '  line 3  waits[0].sleep.for  expected a duration such as "200ms", got 200',
      '  line 4  waits[1].yeild      unknown key "yeild", did you mean "yield"?',
      '  line 5  titel               unknown key "titel", did you mean "title"?',
    ].join("\n"),
  );
});

test("a key given twice does not hide what else is wrong", () => {
  const { problems } = refusal(() =>
    parseYamlText("title: One\ntitle: 2\nwaits: []\n", "nap.yaml", "experiment"),
  );
  expect(problems).toEqual([
    { line: 2, path: "", message: "the same key is given twice" },
    { line: 2, path: "title", message: "expected a text, got 2" },
    { line: 3, path: "waits", message: "expected at least one wait, got an empty list" },
  ]);
});

test("a value reached through an alias is reported where the alias stands", () => {
  const source = "title: Nap\nwaits:\n  - &first\n    sleep: { for: 2 }\n  - *first\n";
  expect(refusal(() => parseYamlText(source, "nap.yaml", "experiment")).problems).toEqual([
    { line: 4, path: "waits[0].sleep.for", message: 'expected a duration such as "200ms", got 2' },
    { line: 4, path: "waits[1].sleep.for", message: 'expected a duration such as "200ms", got 2' },
  ]);
});

test("a document from memory has problems without lines", () => {
  const { message } = refusal(() => plainDocument({ title: "Nap", waits: [] }, "run 7", "experiment"));
  expect(message).toBe(
    "run 7 is not a valid experiment (1 problem)\n  waits  expected at least one wait, got an empty list",
  );
});

test("what was given is shortened to fit a line", () => {
  const { problems } = refusal(() =>
    plainDocument({ title: "Nap", waits: "z".repeat(500) }, "f", "experiment"),
  );
  expect(problems[0]?.message).toBe(`expected a list, got "${"z".repeat(59)}…"`);
});

test("a path is written as one would in code", () => {
  expect(formatPath(["faults", 0, "reset-peer", "edge"])).toBe("faults[0].reset-peer.edge");
  expect(formatPath(["settings", "a b", 3])).toBe('settings["a b"][3]');
  expect(formatPath([])).toBe("");
});
