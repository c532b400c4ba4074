import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SquallError, exitCodes } from "../../harness/base/errors.ts";
import { InvalidDocumentError } from "../../harness/base/yaml-document.ts";
import { loadExperiment } from "../../harness/experiment/load-experiment.ts";
import { loadTarget } from "../../harness/target/load-target.ts";

/**
 * Each bad file says in its first lines what must be told of it, in order: `# expect <line> | <path> | <message>`, with
 * "-" for none. Exactly that must be told, no problem less and none more.
 */
const corpus = import.meta.dirname;

const loaders = { experiments: loadExperiment, targets: loadTarget } as const;

for (const kind of ["experiments", "targets"] as const) {
  describe(`bad ${kind}`, () => {
    const files = readdirSync(join(corpus, kind)).filter((name) => name.endsWith(".yaml"));

    test("there are enough of them to mean something", () => {
      expect(files.length).toBeGreaterThanOrEqual(40);
    });

    test.each(files)("%s is refused for what it says", (name) => {
      const file = join(corpus, kind, name);
      const expected = [...readFileSync(file, "utf8").matchAll(/^# expect (.*)$/gm)].map((match) => match[1]);
      expect(expected).not.toEqual([]);

      const error = thrownBy(() => loaders[kind](file));

      expect(error).toBeInstanceOf(InvalidDocumentError);
      const { problems, exitCode } = error as InvalidDocumentError;
      const told = problems.map(
        ({ line, path, message }) => `${line ?? "-"} | ${path || "-"} | ${message.replaceAll(`${corpus}/`, "")}`,
      );
      expect(told).toEqual(expected);
      expect(exitCode).toBe(exitCodes.invalid);
    });
  });
}

test("the files they are copies of are valid", () => {
  const { experiment, target } = loadExperiment(join(corpus, "experiment.yaml"));
  expect(experiment.faults).toHaveLength(1);
  expect(target.name).toBe("kiosk");
});

describe("what cannot be read as text", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "squall-corpus-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const given: readonly (readonly [string, string | Buffer, string])[] = [
    ["empty", "", "expected a mapping, got an empty file"],
    ["only spaces", "  \n\n", "expected a mapping, got an empty file"],
    ["null", "null\n", "expected a mapping, got an empty file"],
    ["other bytes than UTF-8", Buffer.from([0xff, 0xfe, 0x00, 0x80]), "expected text in UTF-8, got other bytes"],
    ["larger than a megabyte", `# ${"x".repeat(1_000_000)}\n`, "expected at most 1000000 bytes, got 1000003"],
    ["nested deeper than a stack", "[".repeat(50_000), "nested too deeply"],
    ["aliased to itself", "a: &a [*a]\n", 'unknown key "a"'],
  ];
  test.each(given)("a file that is %s is refused, saying so", (name, content, message) => {
    const file = join(folder, `${name.replaceAll(" ", "-")}.yaml`);
    writeFileSync(file, content);

    for (const load of [loadExperiment, loadTarget]) {
      const error = thrownBy(() => load(file));

      expect(error).toMatchObject({ code: "SQUALL_INVALID_DOCUMENT", exitCode: exitCodes.invalid });
      expect((error as Error).message).toContain(message);
    }
  });

  test("a file that is missing is refused, naming the nearest one there is", () => {
    const error = thrownBy(() => loadExperiment(join(corpus, "experimnet.yaml")));

    expect(error).toMatchObject({
      code: "SQUALL_FILE",
      message: `there is no file ${join(corpus, "experimnet.yaml")}`,
      hint: "did you mean experiment.yaml, in the same folder?",
    });
  });

  test("a folder is refused", () => {
    expect(thrownBy(() => loadExperiment(corpus))).toMatchObject({
      code: "SQUALL_FILE",
      message: `expected a file that holds the experiment, got a folder: ${corpus}`,
    });
  });
});

function thrownBy(action: () => unknown): SquallError {
  try {
    action();
  } catch (error) {
    if (error instanceof SquallError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
