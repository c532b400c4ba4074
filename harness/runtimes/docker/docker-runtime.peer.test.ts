import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatAddress } from "../../base/address.ts";
import { waitFor } from "../../base/wait.ts";
import type { ChangeName } from "../../record/change-name.ts";
import type { Target } from "../../target/target.ts";
import { changeOf, type ProcessChange } from "../process-change.ts";
import type { Fleet, ProcessEnd } from "../runtime.ts";
import { execute } from "./execute.ts";
import { dockerRuntime } from "./docker-runtime.ts";
import { sidecarName } from "./sidecar.ts";
import { startToyStack, type ToyStack } from "./toy-stack.fixture.ts";

let toy: ToyStack;
let runtime: ReturnType<typeof dockerRuntime>;
beforeAll(async () => {
  toy = await startToyStack();
  runtime = dockerRuntime({ socketPath: toy.socketPath });
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

async function askBack(path: string): Promise<string | undefined> {
  const { addresses } = await attach();
  const address = addresses.get("back")?.["http"];
  if (address === undefined) throw new Error("back is not published");
  const url = `http://${formatAddress(address)}${path}`;
  return fetch(url, { signal: AbortSignal.timeout(3_000) }).then(
    (response) => response.text(),
    () => undefined,
  );
}

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
  interface Case {
    readonly title?: string;
    readonly change: Exclude<ChangeName, "skewClock">;
    /** @default back */
    readonly part?: "front" | "back";
    readonly wanted: unknown;
    /** Makes the change felt, and looks. */
    readonly felt: () => Promise<unknown>;
    readonly shows: unknown;
    readonly evidence?: unknown;
  }
  const cases: readonly Case[] = [
    { change: "kill", wanted: {}, felt: statusOfBack, shows: 504 },
    { change: "stop", wanted: { withinMs: 5_000 }, felt: exitOfBack, shows: { runs: false, exitCode: 0 } },
    { change: "pause", wanted: {}, felt: statusOfBack, shows: 504 },
    {
      change: "partition",
      wanted: {},
      felt: statusOfBack,
      shows: 504,
      evidence: { bit: true, detail: "back was off its networks" },
    },
    {
      title: "partition from a peer",
      change: "partition",
      wanted: { from: "front" },
      felt: statusOfBack,
      shows: 504,
      evidence: {
        bit: true,
        detail: expect.stringMatching(/^[1-9]\d* packets between back and front were lost$/) as string,
      },
    },
    {
      change: "fillDisk",
      wanted: { leaveBytes: 0 },
      felt: () => askBack("/write?of=100000"),
      shows: "ENOSPC",
      evidence: { bit: true, detail: "/data had 0 B of 4.2 MB left" },
    },
    {
      change: "breakName",
      part: "front",
      wanted: { name: "back" },
      felt: statusOfBack,
      shows: 504,
      evidence: {
        bit: true,
        detail: expect.stringMatching(/^front asked [1-9]\d* times for back.edges$/) as string,
      },
    },
    {
      change: "limitCpu",
      wanted: { processors: 0.03 },
      felt: () => askBack("/work?of=1500"),
      shows: "ok",
      evidence: {
        bit: true,
        detail: expect.stringMatching(/^throttled in [1-9]\d* of \d+ periods$/) as string,
      },
    },
    {
      change: "limitMemory",
      wanted: { bytes: 96 << 20 },
      felt: async () => {
        await askBack("/eat?of=200");
        return waitFor(
          { what: "the kernel to speak", withinMs: 10_000 },
          async () => !(await exitOfBack()).runs,
        );
      },
      shows: true,
      evidence: { bit: true, detail: "ended by the kernel for want of memory" },
    },
  ];

  async function exitOfBack() {
    const { State } = await toy.container("back").inspect();
    return { runs: State.Running, exitCode: State.ExitCode };
  }

  const titled = cases.map((one) => ({ title: one.change, part: "back", ...one }));
  test.each(titled)("$title is felt, and taken back by its record alone", async (one) => {
    const { part } = one;
    // One body for changes that differ in what is wanted.
    const change = runtime[one.change] as ProcessChange<unknown>;
    const whole = await stateOf(part);
    const before = JSON.parse(JSON.stringify(await change.before(toy.target, part, one.wanted))) as Record<
      string,
      unknown
    >;
    expect(await stateOf(part)).toEqual(whole);
    await change.make(toy.target, part, one.wanted, signal);
    expect(await one.felt()).toEqual(one.shows);
    expect(await change.evidence?.(toy.target, part, before)).toEqual(one.evidence);
    // By another process, which has the journal and no more.
    const other = dockerRuntime({ socketPath: toy.socketPath })[one.change] as ProcessChange<unknown>;
    await other.takeBack(toy.target, part, before, signal);
    expect(await stateOf(part)).toEqual(whole);
    await waitFor(
      { what: "front to reach back", withinMs: 5_000 },
      async () => (await statusOfBack()) === 200,
    );
    await other.takeBack(toy.target, part, before, signal);
    expect(await stateOf(part)).toEqual(whole);
  });

  test("that was never made is taken back without a trace", async () => {
    const { State: state } = await toy.container("back").inspect();
    for (const { change: name, part, wanted } of titled) {
      const change = runtime[name] as ProcessChange<unknown>;
      await change.takeBack(toy.target, part, await change.before(toy.target, part, wanted), signal);
    }
    expect((await toy.container("back").inspect()).State.StartedAt).toBe(state.StartedAt);
  });

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
    expect(await askBack("/write?of=100000")).toBe("written");
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
    expect(await statusOfBack()).toBe(504);
    await runtime.breakName.takeBack(toy.target, "front", before, signal);
    expect(await stateOf("front")).toEqual(whole);
    expect(await statusOfBack()).toBe(200);
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

describe("a fault that a container cannot be given", () => {
  const cases: readonly {
    readonly title: string;
    readonly change: "fillDisk" | "breakName" | "partition";
    readonly part: string;
    readonly wanted: unknown;
    readonly target?: () => Target;
    readonly message: string;
  }[] = [
    {
      title: "a full disk, without a mount",
      change: "fillDisk",
      part: "front",
      wanted: { leaveBytes: 0 },
      message: "front has no mount at all",
    },
    {
      title: "a full disk, of folders of the machine",
      change: "fillDisk",
      part: "proxy",
      wanted: { leaveBytes: 0 },
      message: "no bounded mount of proxy: /squall cannot be written to; /toy cannot be written to",
    },
    {
      title: "a full disk, in memory that has no size",
      change: "fillDisk",
      part: "back-db",
      wanted: { leaveBytes: 0, path: "/run" },
      message: "no bounded mount of back-db: /run is in memory, and has no size of its own",
    },
    {
      title: "a disk that has no more than is to be left",
      change: "fillDisk",
      part: "back",
      wanted: { leaveBytes: 9_000_000 },
      message: expect.stringMatching(
        /^\/data of back has 4.\d MB of 4.2 MB left, which is no more$/,
      ) as string,
    },
    {
      title: "a broken name, of a callee whose address it was not given",
      change: "breakName",
      part: "back",
      wanted: { name: "back-db" },
      message: "nothing says by which name back knows back-db (DB_URL is no address)",
    },
    {
      title: "a broken name that is another's too",
      change: "breakName",
      part: "front",
      wanted: { name: "back" },
      target: () => {
        const front = toy.target.services["front"];
        const call = front?.calls["back"];
        if (front === undefined || call === undefined) throw new Error("front calls nobody");
        const calls = { ...front.calls, receiver: call };
        return { ...toy.target, services: { ...toy.target.services, front: { ...front, calls } } };
      },
      message: "front knows back by the name back.edges, and by that receiver too",
    },
    {
      title: "a partition from a peer, without tools",
      change: "partition",
      part: "back",
      wanted: { from: "front" },
      target: () => ({ ...toy.target, containers: { project: toy.project, foreign: {} } }),
      message: "the target names no image with tools for networks (containers: { tools: … })",
    },
    {
      title: "a partition from a peer, without the image of tools",
      change: "partition",
      part: "back",
      wanted: { from: "front" },
      target: () => ({
        ...toy.target,
        containers: { project: toy.project, foreign: {}, tools: "squall-docker-runtime-none" },
      }),
      message: "Docker does not have the image squall-docker-runtime-none yet",
    },
  ];

  test.each(cases)("$title", async ({ change: name, part, wanted, target, message }) => {
    const change = runtime[name] as ProcessChange<unknown>;
    await expect(change.before(target?.() ?? toy.target, part, wanted)).rejects.toMatchObject({
      code: "SQUALL_UNSUPPORTED",
      message,
    });
  });

  test("another clock, with the reason", () => {
    expect(() => changeOf(runtime, "skewClock", "clock-skew on back")).toThrow(
      expect.objectContaining({
        code: "SQUALL_UNSUPPORTED",
        message: expect.stringMatching(
          /^the docker runtime cannot skew a clock \(clock-skew on back\); it can kill, stop, .*break names$/,
        ) as string,
        hint: expect.stringContaining("docs/process-faults.md#clock-skew") as string,
      }) as Error,
    );
  });
});

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
    await askBack("/end?of=3");
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

  test("keeps what its containers log, of both outputs and over a restart, each line once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "squall-logs-"));
    try {
      const fleet = await attach();
      await askBack("/say?what=earlier");
      await using logs = await fleet.keepLogs(folder);
      await askBack("/say?what=one");
      await askBack("/complain?what=two");
      const file = join(folder, "back.jsonl");
      await waitFor({ what: "lines while the run goes on", withinMs: 10_000 }, () =>
        readFileSync(file, "utf8").includes("two"),
      );
      await toy.container("back").restart({ t: 5 });
      await waitFor({ what: "back to listen", withinMs: 10_000 }, async () => {
        await askBack("/say?what=three");
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
