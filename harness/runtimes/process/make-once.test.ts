import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeOnce, partialsIn } from "./make-once.ts";

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "squall-once-"));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

function fill(folder: string, file: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, file), "");
}

test("a folder is there only when it is whole, and is made once", async () => {
  const folder = join(parent, "thing");
  await expect(
    makeOnce(folder, async (partial) => {
      fill(partial, "half");
      throw new Error("interrupted");
    }),
  ).rejects.toThrow("interrupted");
  expect(existsSync(folder)).toBe(false);

  await makeOnce(folder, async (partial) => fill(partial, "whole"));
  await makeOnce(folder, () => Promise.reject(new Error("made twice")));
  expect(readdirSync(folder)).toEqual(["whole"]);
  expect(readdirSync(parent)).toEqual(["thing"]);
});

test("whoever is done second uses what the first has made", async () => {
  const folder = join(parent, "thing");
  await makeOnce(folder, async (partial) => {
    fill(partial, "mine");
    fill(folder, "theirs");
  });
  expect(readdirSync(folder)).toEqual(["theirs"]);
  expect(partialsIn(parent)).toEqual([]);
});

test("what a dead process began is removed, what a living one is making is not", async () => {
  const abandoned = join(parent, "other.x.999999999.partial");
  const inTheMaking = join(parent, `other.x.${process.ppid}.partial`);
  for (const partial of [abandoned, inTheMaking]) mkdirSync(partial);
  await makeOnce(join(parent, "thing"), async (partial) => fill(partial, "whole"));
  expect(partialsIn(parent)).toEqual([inTheMaking]);
});
