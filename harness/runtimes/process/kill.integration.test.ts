import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ChangeRecord } from "../process-change.ts";
import type { Fleet } from "../runtime.ts";
import { toyTarget } from "./fixtures/toy-target.ts";
import { findFleetProcesses, readFleetState, removeFleetState } from "./fleet-state.ts";
import { holdRecordToEnd, holdRecordToStart } from "./hold-record.ts";
import { isAlive } from "../process-identity.ts";
import { processRuntime } from "./process-runtime.ts";
import { stateFolderOf } from "../state-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "squall-kill-"));
chmodSync(folder, 0o755);
const target = toyTarget(folder);
const never = new AbortController().signal;
// The one that kills, and another one, which has not started this fleet.
const runtime = processRuntime();
const another = processRuntime();
let fleet: Fleet;

beforeAll(async () => {
  fleet = await runtime.start(target, {
    settings: { mood: "wild" },
    seed: "seed-1",
    logsFolder: join(folder, "logs"),
    isKept: true,
    signal: never,
  });
});
afterAll(async () => {
  await runtime.cleanUp(target);
  rmSync(folder, { recursive: true, force: true });
});

const recorded = (name: string) =>
  readFleetState(stateFolderOf(target))?.processes.find((process) => process.name === name);

/** @returns what taking it back needs */
async function kill(name: string): Promise<ChangeRecord> {
  const before = await runtime.kill.before(target, name, {});
  await runtime.kill.make(target, name, {}, never);
  return before;
}

async function get(path: string): Promise<unknown> {
  const response = await fetch(fleet.entry + path);
  return response.json();
}

async function query(sql: string): Promise<readonly unknown[]> {
  const client = new Client(fleet.stores.get("back-db"));
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

test("a service that is killed is gone at once, and started again by anyone as it was", async () => {
  const before = await get("/environment");
  const dying = recorded("front");
  const killed = await kill("front");
  expect(dying && isAlive(dying)).toBe(false);
  await expect(get("/environment")).rejects.toThrow();
  expect(await runtime.attach(target)).toBeUndefined();

  await another.kill.takeBack(target, "front", killed, never);
  expect(await get("/environment")).toEqual(before);
  expect(recorded("front")?.pid).not.toBe(dying?.pid);
  expect(await runtime.attach(target)).toMatchObject({ entry: fleet.entry });
});

test("a store that is killed comes back with what it had committed, and nothing else", async () => {
  await query("create table kept (id int)");
  await query("insert into kept values (1)");
  const open = new Client(fleet.stores.get("back-db"));
  open.on("error", () => undefined);
  await open.connect();
  await open.query("begin");
  await open.query("insert into kept values (2)");

  const killed = await kill("back-db");
  await expect(query("select 1")).rejects.toThrow();
  await another.kill.takeBack(target, "back-db", killed, never);
  expect(await query("select id from kept")).toEqual([{ id: 1 }]);
  expect(await get("/back")).toMatchObject({ name: "back-db" });
});

test("a service is killed by its name also after a restart, which gave its process another one", async () => {
  await runtime.restart(target, "front", { signal: never });
  const [replica] = fleet.replicas.get("front") ?? [];
  expect(replica?.name).toBe("front-2");
  const dying = recorded("front-2");
  const killed = await kill("front");
  expect(killed).toEqual({ process: "front-2" });
  expect(dying && isAlive(dying)).toBe(false);
  await another.kill.takeBack(target, "front", killed, never);
  expect(recorded("front-2")?.pid).not.toBe(dying?.pid);
  expect(await get("/environment")).toMatchObject({ OTEL_SERVICE_NAME: "front" });
});

test("one that somebody replaced meanwhile is not started beside the one that took its place", async () => {
  const killed = await kill("front");
  await runtime.restart(target, "front", { signal: never });
  const alive = () => fleet.processes.flatMap((process) => (isAlive(process) ? [process.name] : []));
  const [replica] = fleet.replicas.get("front") ?? [];
  expect(alive()).toContain(replica?.name);
  expect(alive()).not.toContain("front-2");
  await another.kill.takeBack(target, "front", killed, never);
  expect(alive()).not.toContain("front-2");
});

test.each(["world", "squall-proxy", "nobody"])("%s, no service and no store, is not killed", async (name) => {
  const change = runtime.kill;
  const refused = { code: "SQUALL_NO_FLEET" };
  await expect(change.before(target, name, {})).rejects.toMatchObject(refused);
  await expect(change.make(target, name, {}, never)).rejects.toMatchObject(refused);
  await expect(change.takeBack(target, name, { process: name }, never)).rejects.toMatchObject(refused);
  expect(fleet.processes.filter((process) => process.name === name).every(isAlive)).toBe(true);
});

test("faults that are taken back at once start the process that they ended once, and each returns when it is ready", async () => {
  const killed = await kill("front");
  const takenBack = [runtime.kill, another.kill, runtime.stop, another.stop].map(async (change) => {
    await change.takeBack(target, "front", killed, never);
    return (await fetch(`${fleet.entry}/ready`)).status;
  });
  expect(await Promise.all(takenBack)).toEqual([200, 200, 200, 200]);
  const started = findFleetProcesses(stateFolderOf(target)).filter(({ name }) => name === killed["process"]);
  expect(started.map(({ pid }) => pid)).toEqual([recorded(String(killed["process"]))?.pid]);
  // Where a second one would have found its port taken.
  const log = join(folder, "logs", `${String(killed["process"])}.jsonl`);
  expect(readFileSync(log, "utf8")).not.toContain("EADDRINUSE");
});

test("nothing that starts a process is told of a fleet: it holds the stores' passwords", () => {
  expect(fleet.processes.map((process) => Object.keys(process))).toEqual(
    fleet.processes.map(() => ["name", "pid"]),
  );
});

test("a fleet that ends does not leave behind what was about to be started again, and waits for what is being started", async () => {
  const killed = await kill("front");
  const folder = stateFolderOf(target);
  const end = await holdRecordToEnd(folder);
  const late = expect(another.kill.takeBack(target, "front", killed, never)).rejects.toMatchObject({
    code: "SQUALL_NO_FLEET",
  });
  await delay(200); // more than it takes to start it
  removeFleetState(folder);
  await end?.[Symbol.asyncDispose]();
  await late;
  expect(findFleetProcesses(folder).map(({ name }) => name)).not.toContain(killed["process"]);
  await runtime.cleanUp(target);

  const order: string[] = [];
  const start = await holdRecordToStart(folder, never);
  const ending = runtime.cleanUp(target).then(() => order.push("ended"));
  await delay(200); // more than the end of nothing takes
  order.push("started");
  await start[Symbol.asyncDispose]();
  await ending;
  expect(order).toEqual(["started", "ended"]);
});
