import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorRegistry } from "./errors.ts";

const docs = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");

test("docs/errors.md lists every error as it is, and no other", () => {
  const documented = [...docs.matchAll(/^\| `(SQUALL_\w+)` *\| (.*?) *\| (\d+) *\|/gm)].map(
    ([, code, when, exit]) => [code, when, Number(exit)],
  );
  expect(documented).toEqual(
    Object.entries(errorRegistry).map(([code, { when, exit }]) => [code, when, exit]),
  );
});
