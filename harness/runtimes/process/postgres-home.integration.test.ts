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
import { dataLeftovers, findPackage, openPostgresHome, removeData } from "./postgres-home.ts";
import { stateFolder } from "../state-folder.ts";

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

test("a template that was begun is left over, and the next one is made anew", async () => {
  const state = stateFolder(join(newFolder(0o755), ".squall"));
  const home = await openPostgresHome(state, signal);
  const pidOfNobody = 999_999_999;
  const partial = join(home.folder, `template-${home.version}.x.${pidOfNobody}.partial`);
  mkdirSync(join(partial, "data"), { recursive: true });
  expect(dataLeftovers(state)).toEqual([partial]);

  const template = await openTemplate(state, home, signal);
  expect(existsSync(join(template.data, "PG_VERSION"))).toBe(true);
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

    const home = await openPostgresHome(state, signal, { version: `test-${process.pid}`, native });
    folders.push(home.native);
    expect(home.native).not.toBe(native);
    expect(statSync(join(home.native, "bin", "postgres")).uid).toBe(home.runAs?.uid);
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

  test("data below a folder that only root may enter is elsewhere, and goes with its link", async () => {
    const state = stateFolder(join(newFolder(0o700), ".squall"));
    const first = await openPostgresHome(state, signal);
    expect(realpathSync(state.postgres)).toBe(first.folder);
    expect(first.folder.startsWith(state.path)).toBe(false);
    expect(first.cache).not.toBe(first.folder);
    expect(await removeData(state)).toEqual([first.folder]);
    expect(lstatSync(state.postgres, { throwIfNoEntry: false })).toBeUndefined();
    expect(await removeData(state)).toEqual([]);
  });

  test("a home that cannot be reached any more is made anew elsewhere", async () => {
    const parent = newFolder(0o755);
    const state = stateFolder(join(parent, ".squall"));
    await openPostgresHome(state, signal);
    chmodSync(parent, 0o700);
    const { folder } = await openPostgresHome(state, signal);
    folders.push(folder);
    expect(folder.startsWith(parent)).toBe(false);
  });

  test("a link to a home that is gone is made anew", async () => {
    const state = stateFolder(join(newFolder(0o700), ".squall"));
    const first = await openPostgresHome(state, signal);
    rmSync(first.folder, { recursive: true });
    const second = await openPostgresHome(state, signal);
    folders.push(second.folder);
    expect(second.folder).not.toBe(first.folder);
    expect(realpathSync(state.postgres)).toBe(second.folder);
  });
});
