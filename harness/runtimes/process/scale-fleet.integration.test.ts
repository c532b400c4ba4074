import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { formatAddress, type Address } from "../../base/address.ts";
import { systemErrorCode, type SquallError } from "../../base/errors.ts";
import { waitFor } from "../../base/wait.ts";
import { parseTarget } from "../../target/load-target.ts";
import type { Fleet, Replica } from "../runtime.ts";
import { readFleetState, writeFleetState } from "./fleet-state.ts";
import { findLeftovers } from "./leftovers.ts";
import { acquireLock } from "../lock.ts";
import { isAlive } from "../process-identity.ts";
import { processRuntime } from "./process-runtime.ts";
import { stateFolderOf } from "../state-folder.ts";

const runtime = processRuntime();
const folder = mkdtempSync(join(tmpdir(), "squall-scale-"));
const state = stateFolderOf({ file: join(folder, "target.yaml") });
const fixedPort = 11_987;
const options = { signal: new AbortController().signal };
const undo: (() => unknown)[] = [];
let fleet: Fleet;

const target = parseTarget(
  {
    name: "pair",
    settings: { unfit: { env: "UNFIT_FILE", default: join(folder, "unfit") } },
    entry: "front",
    services: {
      front: {
        ...{ command: ["node", join(import.meta.dirname, "fixtures/replica.ts")], ready: "/ready" },
        ports: { http: { env: "PORT", port: fixedPort } },
        calls: { back: { env: "BACK_URL", value: "http://{address}" } },
      },
      back: {
        ...{ command: ["node", join(import.meta.dirname, "fixtures/replica.ts")], ready: "/ready" },
        ports: { http: "PORT" },
      },
    },
    journeys: { module: "journeys.ts", names: ["visit"] },
  },
  join(folder, "target.yaml"),
);

beforeAll(async () => {
  chmodSync(folder, 0o755);
  fleet = await runtime.start(target, {
    settings: { unfit: join(folder, "unfit") },
    replicas: { back: 2 },
    seed: "seed",
    logsFolder: join(folder, "logs"),
    isKept: true,
    signal: options.signal,
  });
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
afterAll(async () => {
  await runtime.cleanUp(target);
  expect(findLeftovers(target)).toEqual({ processes: [], folders: [], holder: undefined });
  rmSync(folder, { recursive: true });
});

const replicas = (service = "back"): readonly Replica[] => fleet.replicas.get(service) ?? [];
const second = (): Replica => {
  const [, found] = replicas();
  if (found === undefined) throw new Error("expected two replicas at least");
  return found;
};
const names = (service?: string) => replicas(service).map(({ name }) => name);
const states = async (service = "back") => {
  const listed = await runtime.listReplicas(target);
  return listed.find((one) => one.service === service)?.replicas.map(({ name, state }) => `${name} ${state}`);
};

/** A caller on the edge to a service that keeps calling and keeps no connection for long. */
function startCaller(service = "back") {
  const edge = fleet.edges.find(({ callee }) => callee === service);
  const pool = new Pool(`http://${formatAddress(edge?.listen as Address)}`, {
    ...{ connections: null, clientTtl: 100, keepAliveTimeout: 100, keepAliveMaxTimeout: 100 },
  });
  const answered = new Map<string, number>();
  const failures: string[] = [];
  let calls = 0;
  let isOver = false;
  const call = async (): Promise<void> => {
    while (!isOver) {
      calls += 1;
      try {
        const { body } = await pool.request({ method: "POST", path: "/" });
        const { name } = (await body.json()) as { name: string };
        answered.set(name, (answered.get(name) ?? 0) + 1);
      } catch (error) {
        failures.push(String(error));
      }
      await delay(5);
    }
  };
  const callers = [call(), call(), call()];
  const stop = async (): Promise<void> => {
    isOver = true;
    await Promise.all(callers);
    if (!pool.closed) await pool.close();
  };
  undo.push(stop);
  return {
    failures,
    calls: () => calls,
    /** Waits until these have answered, from now on. */
    async hears(...wanted: readonly string[]): Promise<void> {
      answered.clear();
      await waitFor({ what: `answers of ${wanted.join(", ")}`, withinMs: 10_000 }, () =>
        wanted.every((name) => answered.has(name)),
      );
    },
    heard: () => [...answered.keys()].toSorted(),
    forget: () => answered.clear(),
    stop,
  };
}

const rejection = (promise: Promise<unknown>): Promise<SquallError> =>
  promise.then(
    () => {
      throw new Error("expected a rejection");
    },
    (error: unknown) => error as SquallError,
  );

describe("a fleet that was started with replicas", () => {
  test("has a process, a port and a log of its own for each, and all edges to the service lead to them", async () => {
    expect([names("front"), names()]).toEqual([["front"], ["back", "back-2"]]);
    expect(new Set(replicas().map(({ pid }) => pid)).size).toBe(2);
    const caller = startCaller();
    await caller.hears("back", "back-2");
    for (const { name } of replicas())
      expect(readFileSync(join(folder, "logs", `${name}.jsonl`), "utf8")).toContain(`${name} listens`);
    expect(fleet.addresses.get("back")).toEqual(replicas()[0]?.addresses);
    expect(fleet.addresses.get("back-2")).toEqual(replicas()[1]?.addresses);
    expect(fleet.processes.map(({ name }) => name)).toEqual(
      expect.arrayContaining(["back", "back-2", "front"]),
    );
    // The proxy asks each how it is, now and then.
    await expect.poll(states, { timeout: 10_000 }).toEqual(["back up", "back-2 up"]);
  });
});

describe("under calls that may not be repeated, none fails", () => {
  test("when replicas come and go, and each gets its share", async () => {
    await runtime.scale(target, "back", 2, options);
    const caller = startCaller();
    await caller.hears("back", "back-2");
    const said: string[] = [];
    const up = await runtime.scale(target, "back", 3, {
      ...options,
      onProgress: (message) => said.push(message),
    });
    expect(up).toEqual({ before: 2, after: 3, started: ["back-3"], stopped: [] });
    await caller.hears("back", "back-2", "back-3");
    const [first, , third] = replicas();
    if (third === undefined) throw new Error("three replicas");
    const down = await runtime.scale(target, "back", 1, {
      ...options,
      onProgress: (message) => said.push(message),
    });
    expect(down).toEqual({ before: 3, after: 1, started: [], stopped: ["back-3", "back-2"] });
    expect(replicas()).toEqual([first]);
    expect(isAlive(third)).toBe(false);
    caller.forget();
    await caller.hears("back");
    expect(caller.heard()).toEqual(["back"]);
    expect(said).toEqual([
      "back-3 is ready",
      ...["back-3 is drained", "back-3 is ended", "back-2 is drained", "back-2 is ended"],
    ]);
    expect(await runtime.scale(target, "back", 1, options)).toMatchObject({ started: [], stopped: [] });
    expect(caller.failures).toEqual([]);
    expect(caller.calls()).toBeGreaterThan(20);
  });

  test("when the only replica is restarted, and then three", async () => {
    const caller = startCaller();
    await runtime.scale(target, "back", 1, options);
    const before = replicas();
    const change = await runtime.restart(target, "back", options);
    expect(change).toEqual({ before: 1, after: 1, started: ["back-2"], stopped: ["back"] });
    await caller.hears("back-2");
    await runtime.scale(target, "back", 3, options);
    const three = replicas();
    await runtime.restart(target, "back", options);
    const pids = replicas().map(({ pid }) => pid);
    expect([...before, ...three].filter(({ pid }) => pids.includes(pid))).toEqual([]);
    await caller.hears(...names());
    expect(names()).toHaveLength(3);
    expect(caller.failures).toEqual([]);
  });

  test("when a replica at the port that the target fixes is restarted, and it has the port again", async () => {
    const caller = startCaller("front");
    const [before] = replicas("front");
    const { before: count, after } = await runtime.restart(target, "front", options);
    const [now] = replicas("front");
    expect([count, after, now?.addresses["http"]?.port]).toEqual([1, 1, fixedPort]);
    expect(now?.pid).not.toBe(before?.pid);
    caller.forget();
    await caller.hears(now?.name ?? "");
    expect(caller.failures).toEqual([]);
  });
});

describe("a replica that", () => {
  test("is killed without a goodbye is forgotten, the fleet goes on, and the next scaling replaces it", async () => {
    await runtime.scale(target, "back", 3, options);
    const victim = second();
    const survivors = names().filter((name) => name !== victim.name);
    process.kill(victim.pid, "SIGKILL");
    // Its threads hold its port a moment longer than it lives itself: what connects then is reset.
    const url = `http://${formatAddress(victim.addresses["http"] as Address)}/`;
    await waitFor({ what: "its port to be free", withinMs: 5_000 }, () =>
      fetch(url).then(
        () => false,
        (error: Error) => systemErrorCode(error.cause) === "ECONNREFUSED",
      ),
    );
    const caller = startCaller(); // its connections are all new
    await caller.hears(...survivors);
    expect(caller.failures).toEqual([]);
    expect(await states()).toContain(`${victim.name} dead`);
    expect(await runtime.attach(target)).toMatchObject({ entry: fleet.entry });
    const { before, after, started } = await runtime.scale(target, "back", 3, options);
    expect([before, after, started.length]).toEqual([2, 3, 1]);
    await caller.hears(...survivors, ...started);
    expect(caller.failures).toEqual([]);
  });

  test("hangs gets no more connections, and gets them again when it goes on", async () => {
    await runtime.scale(target, "back", 3, options);
    const hanging = second();
    const others = names().filter((name) => name !== hanging.name);
    process.kill(hanging.pid, "SIGSTOP");
    undo.push(() => process.kill(hanging.pid, "SIGCONT"));
    await waitFor({ what: "it to be down", withinMs: 10_000 }, async () =>
      (await states())?.includes(`${hanging.name} down`),
    );
    const caller = startCaller();
    await caller.hears(...others);
    await caller.stop(); // would hang with a call that hangs
    expect([caller.heard(), caller.failures]).toEqual([others.toSorted(), []]);
    process.kill(hanging.pid, "SIGCONT");
    await startCaller().hears(...names());
  });

  test("does not become ready is an error that says why, and all is as before", async () => {
    const before = replicas();
    writeFileSync(join(folder, "unfit"), "");
    undo.push(() => rmSync(join(folder, "unfit"), { force: true }));
    const error = await rejection(runtime.scale(target, "back", before.length + 2, options));
    expect(error.code).toBe("SQUALL_FLEET_START");
    expect(error.message).toContain(
      "ended with exit code 3 before it was ready; it logged last:\n  this one is unfit",
    );
    expect(replicas()).toEqual(before);
    expect(fleet.processes.filter(({ name }) => name.startsWith("back"))).toHaveLength(before.length);
  });
});

describe("a change", () => {
  test("that was killed half-way is put right by the next", async () => {
    await runtime.scale(target, "back", 3, options);
    // As it is after the record was changed, and before the edges were and the process was ended.
    const recorded = readFleetState(state);
    const [first, ...rest] = recorded?.replicas["back"] ?? [];
    if (recorded === undefined || first === undefined || rest.length !== 2) throw new Error("three replicas");
    writeFleetState(state, { ...recorded, replicas: { ...recorded.replicas, back: [first] } });
    const strays = fleet.processes.filter(({ name }) => rest.some((replica) => replica.name === name));
    const change = await runtime.scale(target, "back", 1, options);
    expect(change).toMatchObject({ before: 1, after: 1, started: [], stopped: [] });
    expect(strays.filter(isAlive)).toEqual([]);
    const caller = startCaller();
    await caller.hears(first.name);
    expect([caller.heard(), caller.failures]).toEqual([[first.name], []]);
  });

  test("is refused while another is under way, and is not held up by a run that uses the fleet", async () => {
    await using _run = await runtime.lock(target, "run");
    await runtime.scale(target, "back", 2, options);
    await using _change = await acquireLock(
      { ...state, lock: state.changeLock, lockHolder: state.changeLockHolder },
      "scale back 9",
    );
    const error = await rejection(runtime.scale(target, "back", 1, options));
    expect([error.code, error.message]).toEqual(["SQUALL_LOCKED", expect.stringContaining("scale back 9")]);
  });

  test("of a fleet that is not up is refused", async () => {
    const nobody = { ...target, file: join(folder, "elsewhere", "target.yaml") };
    for (const change of [
      () => runtime.scale(nobody, "back", 1, options),
      () => runtime.restart(nobody, "back", options),
      () => runtime.listReplicas(nobody),
    ])
      expect((await rejection(change())).code).toBe("SQUALL_NO_FLEET");
  });
});
