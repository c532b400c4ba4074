import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engineSocket } from "../../../scripts/docker-engine.ts";
import { formatAddress } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import type { Target } from "../../target/target.ts";
import { processChangeContract } from "../process-change.contract.ts";
import type { Fleet, ProcessEnd } from "../runtime.ts";
import { execute } from "./execute.ts";
import { dockerRuntime } from "./docker-runtime.ts";
import { refusedFaultsContract } from "./refused-faults.contract.ts";
import { sidecarName } from "./sidecar.ts";
import { openWay } from "./socket-way.fixture.ts";
import { publishedAt } from "./stack.ts";
import { startToyStack, type ToyStack } from "./toy-stack.fixture.ts";

const runtime = dockerRuntime({ socketPath: engineSocket() });
let toy: ToyStack;
beforeAll(async () => {
  toy = await startToyStack();
});
afterAll(() => toy[Symbol.asyncDispose]());

const signal = new AbortController().signal;

async function attach(target: Target = toy.target): Promise<Fleet> {
  const fleet = await runtime.attach(target);
  if (fleet === undefined) throw new Error("no stack is up");
  return fleet;
}

/** How a container is, as far as a change may have touched it. */
async function stateOf(part: string) {
  const { State, HostConfig, NetworkSettings } = await toy.container(part).inspect();
  const { Memory, MemorySwap, NanoCpus, CpuQuota } = HostConfig;
  const hasNames = State.Running && !State.Paused;
  return {
    names: hasNames
      ? await execute(toy.docker, toy.container(part).id, part, ["cat", "/etc/resolv.conf"])
      : "",
    runs: State.Running,
    isPaused: State.Paused,
    limits: { Memory, MemorySwap, NanoCpus, CpuQuota },
    networks: Object.entries(NetworkSettings.Networks).map(([name, { Aliases: aliases }]) => ({
      name,
      aliases: [...(aliases as string[])].sort(),
    })),
  };
}

/** What front gets of back, through the proxy. */
async function statusOfBack(): Promise<number> {
  const { entry } = await attachedOnce();
  return (await fetch(`${entry}/back`, { signal: AbortSignal.timeout(5_000) })).status;
}
let attached: Promise<Fleet> | undefined;
const attachedOnce = (): Promise<Fleet> => (attached ??= attach());

/** @throws when it does not answer 200 with JSON within that time */
async function ask(service: string, path: string, withinMs = 3_000): Promise<unknown> {
  const address = publishedAt(await toy.container(service).inspect(), 3_000);
  if (address === undefined) throw new Error(`${service} is not published`);
  const response = await fetch(`http://${formatAddress(address)}${path}`, {
    signal: AbortSignal.timeout(withinMs),
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** When it is ready. */
async function endBack(code: number): Promise<void> {
  await waitFor({ what: "back to be ready", withinMs: 10_000 }, () => ask("back", "/ready"));
  await expect(ask("back", `/end?code=${code}`)).rejects.toThrow();
}

processChangeContract("containers", {
  runtime,
  another: dockerRuntime({ socketPath: engineSocket() }),
  target: () => toy.target,
  ask,
  state: stateOf,
  subjects: { breakName: "front" },
  wanted: { limitCpu: { processors: 0.03 }, limitMemory: { bytes: 96 << 20 } },
  evidence: {
    partition: /^[1-9]\d* packets between back and front were lost$/,
    fillDisk: /^\/data had 0 B of 4.2 MB left$/,
    breakName: /^front asked [1-9]\d* times for /,
    limitCpu: /^throttled in [1-9]\d* of \d+ periods$/,
    limitMemory: /^ended by the kernel for want of memory$/,
  },
});

describe("a stack that is up", () => {
  test("is found by its labels: parts, edges, settings, stores", async () => {
    const fleet = await attach();
    expect(fleet.settings).toEqual({ mood: "wild" });
    expect(fleet.edges.map(({ proxy, upstream }) => `${proxy} ${formatAddress(upstream)}`)).toEqual([
      "client->front front:3000",
      "front->back back:3000",
      "back->back-db back-db:5432",
    ]);
    expect(await statusOfBack()).toBe(200);
    expect((await fetch(`${fleet.receiver}/stats`)).status).toBe(200);
    const back = fleet.addresses.get("back")?.["http"];
    expect((await fetch(`http://${formatAddress(back ?? { host: "", port: 0 })}/ready`)).status).toBe(200);
    expect(fleet.replicas.get("back")).toMatchObject([{ name: "back", pid: expect.any(Number) as number }]);
    expect(fleet.processes.map(({ name }) => name)).toEqual([
      "back",
      "back-db",
      "front",
      "proxy",
      "receiver",
    ]);
    const url = new URL(fleet.stores.get("back-db") ?? "");
    expect([url.username, decodeURIComponent(url.password), url.pathname]).toEqual([
      "toy",
      "p@ss/word",
      "/back-db",
    ]);
  });

  test("of another project is not found, and is not started either", async () => {
    const other: Target = {
      ...toy.target,
      containers: { project: "squall-docker-runtime-none", foreign: {} },
    };
    expect(await runtime.attach(other)).toBeUndefined();
    await expect(runtime.kill.before(other, "back", {})).rejects.toMatchObject({ code: "SQUALL_NO_FLEET" });
    await expect(
      runtime.start(other, { settings: {}, seed: "", logsFolder: "", isKept: false, signal }),
    ).rejects.toMatchObject({
      code: "SQUALL_NO_FLEET",
      hint: expect.stringContaining("docker compose up --wait") as string,
    });
  });

  test("half up is refused with all that is amiss", async () => {
    await toy.container("back").stop({ t: 5 });
    await toy.container("receiver").pause();
    try {
      await expect(runtime.attach(toy.target)).rejects.toMatchObject({
        code: "SQUALL_FLEET_START",
        message: `the stack ${toy.project} is half up: back is exited (exit code 0); receiver is paused`,
        hint: "docker compose up --wait",
      });
    } finally {
      await Promise.all([toy.container("back").start(), toy.container("receiver").unpause()]);
    }
    const lacking: Target = {
      ...toy.target,
      services: { ...toy.target.services, gone: { command: [], ports: {}, ready: "/", calls: {} } },
    };
    await expect(runtime.attach(lacking)).rejects.toThrow(/half up: gone is missing$/);
  });
});

describe("a change of a container", () => {
  test("limits of a container that had none are taken away again, or refused", async () => {
    const whole = await stateOf("front");
    const before = await runtime.limitCpu.before(toy.target, "front", { processors: 0.5 });
    await runtime.limitCpu.make(toy.target, "front", { processors: 0.5 }, signal);
    expect((await stateOf("front")).limits.CpuQuota).toBe(50_000);
    await runtime.limitCpu.takeBack(toy.target, "front", before, signal);
    expect((await stateOf("front")).limits).toEqual({ ...whole.limits, CpuQuota: -1 });
    await expect(runtime.limitMemory.before(toy.target, "front", { bytes: 64 << 20 })).rejects.toMatchObject({
      code: "SQUALL_UNSUPPORTED",
      hint: "give it one in the Compose file (mem_limit)",
    });
  });
});

describe("a fault of a container that meets another end", () => {
  const proxied = { name: "back" };

  test("a file that fills a volume is removed also where nothing can be run in its container", async () => {
    const before = await runtime.fillDisk.before(toy.target, "back-db", { leaveBytes: 1_000_000 });
    await runtime.fillDisk.make(toy.target, "back-db", { leaveBytes: 1_000_000 }, signal);
    expect(await runtime.fillDisk.evidence?.(toy.target, "back-db", before)).toMatchObject({ bit: true });
    const store = toy.container("back-db");
    await store.pause();
    await runtime.fillDisk.takeBack(toy.target, "back-db", before, signal);
    await store.unpause();
    expect(await execute(toy.docker, store.id, "back-db", ["ls", "-A", "/data"])).toBe("");
  });

  test("a process that ends over its full disk is started again", async () => {
    const before = await runtime.fillDisk.before(toy.target, "back", { leaveBytes: 0 });
    await runtime.fillDisk.make(toy.target, "back", { leaveBytes: 0 }, signal);
    await toy.container("back").kill();
    expect(await runtime.fillDisk.evidence?.(toy.target, "back", before)).toEqual({
      bit: true,
      detail: "ended while /data was full",
    });
    await runtime.fillDisk.takeBack(toy.target, "back", before, signal);
    expect(await ask("back", "/write?bytes=100000")).toEqual({ code: "written" });
  });

  test("a name is told late, and as before when the sidecar that told it was killed", async () => {
    const wanted = { ...proxied, delayMs: 400 };
    const whole = await stateOf("front");
    const before = await runtime.breakName.before(toy.target, "front", wanted);
    await runtime.breakName.make(toy.target, "front", wanted, signal);
    const startedMs = performance.now();
    expect(await statusOfBack()).toBe(200);
    expect(performance.now() - startedMs).toBeGreaterThan(400);
    await toy.docker.getContainer(sidecarName({ beside: String(before["container"]), task: "name" })).kill();
    expect(await statusOfBack()).toBe(503);
    await runtime.breakName.takeBack(toy.target, "front", before, signal);
    expect(await stateOf("front")).toEqual(whole);
    expect(await statusOfBack()).toBe(200);
  });

  test("two partitions that share a container are made, and taken back, at once", async () => {
    const pairs = [
      { part: "back", from: "front" },
      { part: "back-db", from: "back" },
    ];
    const before = await Promise.all(
      pairs.map(({ part, from }) => runtime.partition.before(toy.target, part, { from })),
    );
    await Promise.all(
      pairs.map(({ part, from }) => runtime.partition.make(toy.target, part, { from }, signal)),
    );
    expect(await statusOfBack()).toBe(503);
    await Promise.all(
      pairs.map(({ part }, index) =>
        runtime.partition.takeBack(toy.target, part, before[index] ?? {}, signal),
      ),
    );
    await waitFor(
      { what: "front to reach back", withinMs: 5_000 },
      async () => (await statusOfBack()) === 200,
    );
  });

  test("one that was started again has neither rules nor a liar, and both are taken back", async () => {
    const whole = await stateOf("front");
    const off = await runtime.partition.before(toy.target, "front", { from: "back" });
    const name = await runtime.breakName.before(toy.target, "front", proxied);
    await runtime.breakName.make(toy.target, "front", proxied, signal);
    await runtime.partition.make(toy.target, "front", { from: "back" }, signal);
    await toy.container("front").restart({ t: 5 });
    await runtime.partition.takeBack(toy.target, "front", off, signal);
    await runtime.breakName.takeBack(toy.target, "front", name, signal);
    expect(await stateOf("front")).toEqual(whole);
    attached = undefined; // its ports are others now
    expect(await statusOfBack()).toBe(200);
    const sidecars = await toy.docker.listContainers({ all: true, filters: { label: ["squall.beside"] } });
    expect(sidecars.filter(({ Labels }) => Labels["squall.beside"] === off["container"])).toEqual([]);
  });
});

refusedFaultsContract(runtime, () => toy);

describe("containers that are not the stack's", () => {
  test("are never touched, whatever they are called, unless the target names them", async () => {
    const likeBack = { "com.docker.compose.service": "back", "com.docker.compose.oneoff": "False" };
    const strangers = await Promise.all([
      toy.makeStranger({ ...likeBack, "com.docker.compose.project": "squall-docker-runtime-other" }),
      toy.makeStranger(likeBack),
      toy.makeStranger({}),
    ]);
    const startedAt = () => Promise.all(strangers.map(async (one) => (await one.inspect()).State));
    const before = await startedAt();
    const record = await runtime.kill.before(toy.target, "back", {});
    await runtime.kill.make(toy.target, "back", {}, signal);
    await runtime.kill.takeBack(toy.target, "back", record, signal);
    const [other] = strangers;
    if (other === undefined) throw new Error("no stranger");
    const { Name: name, Id: id } = await other.inspect();
    await expect(runtime.pause.before(toy.target, name.slice(1), {})).rejects.toMatchObject({
      code: "SQUALL_NO_FLEET",
    });
    expect(await startedAt()).toEqual(before);

    const naming: Target = {
      ...toy.target,
      containers: { project: toy.project, foreign: { "back-db": name.slice(1) } },
    };
    const pause = await runtime.pause.before(naming, "back-db", {});
    expect(pause).toMatchObject({ container: id });
    await runtime.pause.make(naming, "back-db", {}, signal);
    expect((await other.inspect()).State.Paused).toBe(true);
    expect((await stateOf("back-db")).isPaused).toBe(false);
    await runtime.pause.takeBack(naming, "back-db", pause, signal);
    expect((await other.inspect()).State.Paused).toBe(false);
  });
});

describe("a fleet in use", () => {
  test("tells of containers that end, and whose doing it was; its addresses follow them", async () => {
    const fleet = await attach();
    const ends: ProcessEnd[] = [];
    using _watch = await fleet.watchEnds?.((end) => ends.push(end));
    const before = fleet.addresses.get("back")?.["http"];
    await endBack(3);
    await waitFor({ what: "the end to be told", withinMs: 10_000 }, () => ends.length === 1);
    await toy.container("back").start();
    await waitFor({ what: "the new address", withinMs: 10_000 }, () => {
      const now = fleet.addresses.get("back")?.["http"];
      return now !== undefined && now.port !== before?.port;
    });
    await toy.container("back").kill();
    await waitFor({ what: "the second end", withinMs: 10_000 }, () => ends.length === 2);
    await toy.container("back").start();
    expect(ends).toMatchObject([
      { name: "back", part: "back", by: "itself", detail: "exit code 3" },
      {
        name: "back",
        part: "back",
        by: "somebody",
        detail: expect.stringContaining("exit code 137") as string,
      },
    ]);
  });

  test("tells of an end that came while the engine did not answer, once", async () => {
    await using way = await openWay(toy.socketPath);
    const fleet = await dockerRuntime({ socketPath: way.socketPath }).attach(toy.target);
    const ends: ProcessEnd[] = [];
    using _watch = await fleet?.watchEnds?.((end) => ends.push(end));
    await endBack(4);
    await waitFor({ what: "the end to be told", withinMs: 10_000 }, () => ends.length === 1);
    way.close();
    await toy.container("back").start();
    await toy.container("back").kill();
    await toy.container("back").start();
    way.open();
    await waitFor({ what: "the end of meanwhile", withinMs: 10_000 }, () => ends.length > 1);
    await endBack(5);
    await waitFor({ what: "the end after that", withinMs: 10_000 }, () => ends.length > 2);
    await toy.container("back").start();
    expect(ends.map(({ by, detail }) => `${by}: ${detail}`)).toEqual([
      "itself: exit code 4",
      "somebody: signal 9, exit code 137",
      "itself: exit code 5",
    ]);
  });

  test("keeps what its containers log, of both outputs and over a restart, each line once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "squall-logs-"));
    try {
      const fleet = await attach();
      await waitFor({ what: "back to be ready", withinMs: 10_000 }, () => ask("back", "/ready"));
      await ask("back", "/say?what=earlier");
      // The engine stamps a line when it comes to read it, which may be after the answer.
      const log = () => toy.container("back").logs({ stdout: true });
      await waitFor({ what: "the engine to have it", withinMs: 10_000 }, async () =>
        (await log()).includes("earlier"),
      );
      await using logs = await fleet.keepLogs(folder);
      await ask("back", "/say?what=one");
      await ask("back", "/complain?what=two");
      const file = join(folder, "back.jsonl");
      await waitFor({ what: "lines while the run goes on", withinMs: 10_000 }, () =>
        readFileSync(file, "utf8").includes("two"),
      );
      await toy.container("back").restart({ t: 5 });
      await waitFor({ what: "back to listen", withinMs: 10_000 }, async () => {
        await ask("back", "/say?what=three");
        return readFileSync(file, "utf8").includes("three");
      });
      expect(await logs.settle()).toEqual([]);
      const said = readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { msg: string }).msg);
      expect([...said.slice(0, 2)].sort()).toEqual(["one", "two"]);
      expect(said[2]).toBe("listening");
      expect(new Set(said.slice(3))).toEqual(new Set(["three"]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
