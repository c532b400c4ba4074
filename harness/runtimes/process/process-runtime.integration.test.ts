import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, statSync } from "node:fs";
import { realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { formatAddress } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import type { Target } from "../../target/target.ts";
import type { Fleet, StartOptions } from "../runtime.ts";
import { toyTarget } from "./fixtures/toy-target.ts";
import { findLeftovers } from "./leftovers.ts";
import { isAlive } from "../process-identity.ts";
import { processRuntime } from "./process-runtime.ts";
import { stateFolderOf } from "../state-folder.ts";

const runtime = processRuntime();
const isRoot = process.getuid?.() === 0;
const undo: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** One for most tests: PostgreSQL is initialised in it once. */
const sharedFolder = makeTemporary();
afterAll(() => rmSync(sharedFolder, { recursive: true, force: true }));

/** A folder of its own for a test, gone after it. */
function newFolder(): string {
  const folder = makeTemporary();
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder that anyone may enter. */
function makeTemporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "squall-runtime-"));
  chmodSync(folder, 0o755);
  return folder;
}

function start(target: Target, options: Partial<StartOptions> = {}): Promise<Fleet> {
  undo.push(() => runtime.cleanUp(target));
  return runtime.start(target, {
    settings: { mood: "wild" },
    seed: "seed-1",
    logsFolder: newFolder(),
    isKept: true,
    signal: new AbortController().signal,
    ...options,
  });
}

async function get(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return await response.json();
}

/** The error that a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<SquallError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SquallError)) throw new Error(`expected a SquallError, got ${String(error)}`);
  return error;
}

/** Starts `owner.ts`, which brings the toy up, and lives on; resolves when it has said `line`. */
async function startOwner(folder: string, line: string, uid?: number): Promise<ChildProcess> {
  const script = join(import.meta.dirname, "fixtures", "owner.ts");
  const runAs = uid === undefined ? {} : { uid, gid: uid };
  const owner = spawn(process.execPath, [script, folder], { stdio: ["ignore", "pipe", "pipe"], ...runAs });
  undo.push(() => owner.kill("SIGKILL"));
  let errors = "";
  owner.stderr.on("data", (data) => (errors += String(data)));
  for await (const said of createInterface(owner.stdout)) if (said.endsWith(line)) return owner;
  throw new Error(`the owner ended before it said "${line}": ${errors}`);
}

async function kill(owner: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => owner.once("exit", resolve));
  owner.kill("SIGKILL");
  await ended;
}

function expectNothingLeft(target: Target): void {
  expect(findLeftovers(target)).toEqual({ processes: [], folders: [], holder: undefined });
  expect(existsSync(stateFolderOf(target).fleet)).toBe(false);
}

describe("a fleet that is up", () => {
  test("has each edge behind a proxy of its own, real stores, and what its settings say", async () => {
    const messages: string[] = [];
    const logsFolder = newFolder();
    const onProgress = (message: string): number => messages.push(message);
    const fleet = await start(toyTarget(sharedFolder), { logsFolder, onProgress });

    expect(await get(`${fleet.entry}/back`)).toEqual({
      name: "back-db",
      user: "squall",
      encoding: "UTF8",
      collates: false, // by code point, on every machine
      upper: "Ä",
    });
    const { proxies } = (await get(`${fleet.proxyApi}/evidence`)) as {
      proxies: { name: string; listen: string; upstream_bytes: number }[];
    };
    const carried = Object.fromEntries(proxies.map((proxy) => [proxy.name, proxy.upstream_bytes > 0]));
    expect(carried).toEqual({
      "client->front": true,
      "front->back": true,
      "front->world": false,
      "back->back-db": true,
    });
    expect(fleet.edges.map(({ proxy, listen }) => [proxy, formatAddress(listen)])).toEqual(
      proxies.map(({ name, listen }) => [name, listen]),
    );

    const listenOf = (name: string): string => proxies.find((proxy) => proxy.name === name)?.listen ?? "";
    const front = (await get(`${fleet.entry}/environment`)) as Record<string, string>;
    expect(front).toMatchObject({
      MOOD: "wild",
      SEED: "seed-1",
      BACK_URL: `http://${listenOf("front->back")}`,
      WORLD_URL: `http://${listenOf("front->world")}`,
      OTEL_SERVICE_NAME: "front",
      OTEL_EXPORTER_OTLP_ENDPOINT: fleet.receiver,
    });
    expect(Object.keys(front)).not.toContain("VITEST"); // nothing of ours that it does not need

    const shared = join(sharedFolder, ".squall", "folders", "keys");
    const back = fleet.addresses.get("back")?.["http"];
    const ofBack = (await get(`http://${back?.host}:${back?.port}/environment`)) as Record<string, string>;
    expect([front["KEYS_FOLDER"], ofBack["KEYS_FOLDER"]]).toEqual([shared, shared]);
    expect(statSync(shared).mode & 0o777).toBe(0o700);

    const world = fleet.addresses.get("world")?.["http"];
    const outside = (await get(`http://${world?.host}:${world?.port}/environment`)) as Record<string, string>;
    expect(outside["SEED"]).toBe("seed-1");
    expect(
      Object.keys(outside).filter(
        (name) => name.startsWith("OTEL") || name === "MOOD" || name === "KEYS_FOLDER",
      ),
    ).toEqual([]);

    expect(messages).toEqual(expect.arrayContaining(["back-db is ready", "front is ready"]));
    expect(readdirSync(logsFolder).sort()).toEqual([
      "back-db.log",
      "back.jsonl",
      "front.jsonl",
      "squall-proxy.jsonl",
      "squall-receiver.jsonl",
      "world.jsonl",
    ]);
    expect(readFileSync(join(logsFolder, "front.jsonl"), "utf8")).toBe('{"msg":"listening"}\n');
  });

  test("is found by attach, also by its record alone, and outlives whoever attached", async () => {
    const target = toyTarget(sharedFolder, { hasStore: false });
    const fleet = await start(target);
    {
      await using attached = await runtime.attach(target);
      expect(attached).toMatchObject({
        entry: fleet.entry,
        stores: fleet.stores,
        addresses: fleet.addresses,
        settings: { mood: "wild" },
      });
    }
    expect((await rejection(start(target))).message).toContain("is up already");
    expect(await get(`${fleet.entry}/back`)).toEqual({});

    await (await runtime.attach(target))?.stop();
    expectNothingLeft(target);
    expect(await runtime.attach(target)).toBeUndefined();
  });

  test("that was not meant to stay is not attached to, and the next start ends it first", async () => {
    const target = toyTarget(newFolder());
    const left = await start(target, { isKept: false });
    expect(await runtime.attach(target)).toBeUndefined();
    await using next = await start(target);
    expect(next.processes.length).toBe(left.processes.length);
    for (const { pid } of left.processes) expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(await runtime.attach(target)).toMatchObject({ entry: next.entry });
  });

  test("is not attached to once one of its processes is gone, and the next start replaces it", async () => {
    const target = toyTarget(sharedFolder, { hasStore: false });
    const first = await start(target);
    process.kill(first.processes.find(({ name }) => name === "back")?.pid ?? 0, "SIGKILL");
    await expect.poll(() => runtime.attach(target)).toBeUndefined();
    const second = await start(target);
    expect(first.processes.some(isAlive)).toBe(false);
    expect(await get(`${second.entry}/ready`)).toEqual({});
  });

  test("leaves nothing when it stops, twice, and starts anew with empty stores", async () => {
    const target = toyTarget(sharedFolder);
    const first = await start(target);
    await first.stop();
    await first.stop();
    expect(first.processes.some(isAlive)).toBe(false);
    expectNothingLeft(target);
    expect(await runtime.cleanUp(target)).toEqual([]);
    await using second = await start(target);
    expect(await get(`${second.entry}/back`)).toMatchObject({ name: "back-db" });
  });

  test("ends also a service that will not, and what that started", async () => {
    const target = toyTarget(sharedFolder, { front: "stubborn.ts", hasStore: false });
    const fleet = await start(target);
    await expect.poll(() => findLeftovers(target).processes.length).toBe(6); // with the service's child
    await fleet.stop();
    expectNothingLeft(target);
  });
});

describe("a start that fails", () => {
  test("names the service that ended, with its exit code and its last words, and leaves nothing", async () => {
    const target = toyTarget(sharedFolder, { front: "dies.ts", hasStore: false });
    const logsFolder = newFolder();
    writeFileSync(join(logsFolder, "front.jsonl"), "said at a start before this one\n");
    const error = await rejection(start(target, { logsFolder }));
    expect(error.code).toBe("SQUALL_FLEET_START");
    expect(error.message).toBe(
      "front: ended with exit code 3 before it was ready; it logged last:\n" +
        "  reading the settings\n  the licence has run out",
    );
    expectNothingLeft(target);
  });

  test("names the field and the port that is taken, before anything is started", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    undo.push(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const target = toyTarget(sharedFolder, { frontPort: port });
    const logsFolder = newFolder();
    const error = await rejection(start(target, { logsFolder }));
    expect(error.code).toBe("SQUALL_PORT_IN_USE");
    expect(error.message).toBe(`services.front.ports.http: port ${port} is already taken by another program`);
    expect(readdirSync(logsFolder)).toEqual([]);
  });

  test("over a port that another program took after its draw is made again, on others", async () => {
    const target = toyTarget(newFolder(), { front: "robbed.ts", hasStore: false });
    const messages: string[] = [];
    const robbing = start(target, { onProgress: (message) => messages.push(message) });
    const stolen = join(stateFolderOf(target).sharedFolders, "keys", "stolen.json");
    undo.push(() => existsSync(stolen) && process.kill(thief().pid, "SIGKILL"));
    const thief = () => JSON.parse(readFileSync(stolen, "utf8")) as { pid: number; port: number };
    const fleet = await robbing;
    const { pid, port } = thief();
    expect(process.kill(pid, 0)).toBe(true);
    expect(messages).toContain(`another program has taken port ${port} meanwhile: starting on others`);
    expect(await get(`${fleet.entry}/ready`)).toEqual({});
    expect(fleet.addresses.get("front")?.["http"]?.port).not.toBe(port);
  });

  test("stops everything when it is aborted, with the abort's reason", async () => {
    const target = toyTarget(sharedFolder);
    const abort = new AbortController();
    const starting = start(target, {
      signal: abort.signal,
      onProgress: () => abort.abort("SIGINT"),
    });
    await expect(starting).rejects.toBe("SIGINT");
    expectNothingLeft(target);
  });
});

describe("an owner that is killed", () => {
  test.each(["the proxy stands on 4 edges", "back-db is ready"])(
    'after "%s" leaves a fleet that cleanUp ends to the last process, port and data folder',
    async (line) => {
      const target = toyTarget(sharedFolder);
      undo.push(() => runtime.cleanUp(target));
      await kill(await startOwner(target.folder, line));

      const found = findLeftovers(target);
      expect(found.processes.length).toBeGreaterThan(0);
      expect(found.holder).toBeUndefined();
      const lines = await runtime.cleanUp(target);
      for (const { pid } of found.processes) expect(lines.join("\n")).toContain(`(process ${pid})`);
      expect(found.processes.some(isAlive)).toBe(false);
      expectNothingLeft(target);
      expect(await runtime.cleanUp(target)).toEqual([]);
    },
  );

  test("once all is up and whose record is lost leaves a fleet that is found by its processes' environment", async () => {
    const target = toyTarget(sharedFolder);
    undo.push(() => runtime.cleanUp(target));
    await kill(await startOwner(target.folder, "up"));
    rmSync(stateFolderOf(target).fleet);
    const names = findLeftovers(target).processes.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(["front", "back", "world", "back-db", "squall-proxy", "squall-receiver"]),
    );
    await runtime.cleanUp(target);
    expectNothingLeft(target);
  });
});

describe.runIf(isRoot)("as root", () => {
  test("a fleet runs also below a folder that only root may enter, its data elsewhere", async () => {
    const folder = newFolder();
    chmodSync(folder, 0o700);
    const target = toyTarget(folder);
    const fleet = await start(target);
    const home = realpathSync(stateFolderOf(target).postgres);
    expect(home.startsWith(folder)).toBe(false);
    expect(await get(`${fleet.entry}/back`)).toMatchObject({ name: "back-db" });
    await fleet.stop();
    expect(existsSync(home)).toBe(false);
    expectNothingLeft(target);
  });

  test("an ordinary user's fleet comes up as well", async () => {
    const folder = newFolder();
    const uid = 65_534;
    chownSync(folder, uid, uid);
    const target = toyTarget(folder);
    undo.push(() => runtime.cleanUp(target));
    await kill(await startOwner(folder, "up", uid));
    const fleet = await runtime.attach(target);
    expect(await get(`${fleet?.entry}/back`)).toMatchObject({ name: "back-db" });
    await fleet?.stop();
    expectNothingLeft(target);
  });
});
