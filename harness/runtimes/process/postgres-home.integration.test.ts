import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
} from "node:fs";
import { lstatSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { openTemplate } from "./postgres-cluster.ts";
import { dataLeftovers, findPackage, openPostgresHome } from "./postgres-home.ts";
import { stateFolder } from "./state-folder.ts";

const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), "squall-home-"));
  folders.push(folder);
  chmodSync(folder, mode);
  return folder;
}

test("what was left unfinished is told, and a template is not made of it", async () => {
  const state = stateFolder(join(newFolder(0o755), ".squall"));
  const home = await openPostgresHome(state, signal);
  const partial = join(home.folder, `template-${home.version}.partial`);
  mkdirSync(join(partial, "data"), { recursive: true });
  writeFileSync(join(partial, "data", "half"), "");
  expect(dataLeftovers(state)).toEqual([partial]);

  const template = await openTemplate(state, home, signal);
  expect(existsSync(join(template.data, "PG_VERSION"))).toBe(true);
  expect(existsSync(join(template.data, "half"))).toBe(false);
  expect(dataLeftovers(state)).toEqual([]);
  expect(await openTemplate(state, home, signal)).toEqual(template);
  expect(statSync(join(template.data, "..", "password")).mode & 0o777).toBe(0o600);
});

describe.runIf(isRoot)("as root", () => {
  test("binaries that only root may reach are copied to where PostgreSQL's user can run them", async () => {
    const installed = findPackage();
    const native = join(newFolder(0o700), "native");
    cpSync(installed.native, native, { recursive: true, verbatimSymlinks: true });
    const state = stateFolder(join(newFolder(0o755), ".squall"));

    const home = await openPostgresHome(state, signal, { version: installed.version, native });
    expect(home.native).toBe(join(home.folder, `native-${installed.version}`));
    const { data } = await openTemplate(state, home, signal);
    expect(statSync(data).uid).toBe(home.runAs?.uid);
    expect(existsSync(join(data, "PG_VERSION"))).toBe(true);
  });

  test("a home that another user made is made anew", async () => {
    const state = stateFolder(join(newFolder(0o755), ".squall"));
    mkdirSync(state.postgres, { recursive: true });
    writeFileSync(join(state.postgres, "theirs"), "");
    chownSync(state.postgres, 12_345, 12_345);
    const { folder, runAs } = await openPostgresHome(state, signal);
    expect(existsSync(join(folder, "theirs"))).toBe(false);
    expect(statSync(folder).uid).toBe(runAs?.uid);
  });

  test("a link to a home that is gone is made anew", async () => {
    const state = stateFolder(join(newFolder(0o700), ".squall"));
    const first = await openPostgresHome(state, signal);
    expect(lstatSync(state.postgres).isSymbolicLink()).toBe(true);
    rmSync(first.folder, { recursive: true });
    const second = await openPostgresHome(state, signal);
    folders.push(second.folder);
    expect(second.folder).not.toBe(first.folder);
    expect(realpathSync(state.postgres)).toBe(second.folder);
  });
});
