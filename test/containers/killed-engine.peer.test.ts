import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { engineSocket } from "../../scripts/docker-engine.ts";
import { formatAddress } from "../../harness/base/address.ts";
import { waitFor } from "../../harness/base/wait.ts";
import { readJournal } from "../../harness/record/journal.ts";
import { runFolder } from "../../harness/record/run-folder.ts";
import { dockerRuntime } from "../../harness/runtimes/docker/docker-runtime.ts";
import { execute } from "../../harness/runtimes/docker/execute.ts";
import { projectLabel, publishedAt, serviceLabel } from "../../harness/runtimes/docker/stack.ts";
import { startToyStack, type ToyStack } from "../../harness/runtimes/docker/toy-stack.fixture.ts";
import { killedEngineContract, type BreakableFault } from "../e2e/killed-engine.contract.ts";
import { squall, type SquallCommand } from "../e2e/squall-command.ts";

/** A container for each fault of containers. */
const faults: readonly BreakableFault[] = [
  { kind: "kill", part: "kill-toy" },
  { kind: "stop", part: "stop-toy" },
  { kind: "restart", part: "restart-toy" },
  { kind: "crash-loop", part: "crash-toy", wanted: { every: "700ms" } },
  { kind: "pause", part: "pause-toy" },
  { kind: "cpu", part: "cpu-toy", wanted: { processors: 0.1 } },
  { kind: "memory", part: "memory-toy", wanted: { limit: "96MB" } },
  { kind: "partition", part: "partition-toy" },
  { kind: "partition", part: "peer-toy", wanted: { from: "back" } },
  { kind: "disk-full", part: "disk-toy" },
  { kind: "dns", part: "name-toy", wanted: { name: "back" } },
  { kind: "replicas", part: "replicas-toy", wanted: { count: 2 } },
];

let toy: ToyStack;
beforeAll(async () => {
  toy = await startToyStack({ name: "killed", others: faults.map(({ part }) => part), hasStore: false });
});
afterAll(() => toy[Symbol.asyncDispose]());

describe("a run on containers", () => {
  const run = (env: Readonly<Record<string, string>> = {}): SquallCommand => {
    const { folder } = toy.target;
    writeFileSync(
      join(folder, "pause.yaml"),
      `title: The front does not need the one that is paused
target: target.yaml
settings: { mood: wild }
load: { journey: look, rate: 20/s }
phases: { warmup: 0s, baseline: 1s, fault: 2s, recovery: 2s }
faults: [{ pause: { process: pause-toy, for: 2s } }]
hypothesis: [{ success: { journey: look, at-least: 50% } }]
`,
    );
    const args = ["run", "pause.yaml", "--runtime", "docker", "--runs", "runs"];
    return squall(args, folder, env);
  };

  test("during which two others end is inconclusive for the one that somebody ended, and tells of both", async () => {
    const running = run();
    const runs = join(toy.target.folder, "runs");
    await waitFor({ what: "the fault", withinMs: 30_000 }, () => {
      const journal = existsSync(runs) ? readdirSync(runs).map((name) => runFolder(join(runs, name))) : [];
      return journal.some(({ journal: file }) =>
        readJournal(file).lines.some(({ event }) => event === "fault-injected"),
      );
    });
    await toy.container("kill-toy").kill();
    const crash = publishedAt(await toy.container("crash-toy").inspect(), 3_000);
    if (crash === undefined) throw new Error("crash-toy is not published");
    await expect(fetch(`http://${formatAddress(crash)}/end?code=7`)).rejects.toThrow();
    expect(await running.exit, running.err()).toBe(2);
    const told = running.out().replaceAll(/\s+/g, " ");
    expect(told).toContain("kill-toy was ended from outside, by no fault of this run");
    expect(told).toContain("crash-toy ended by itself");
  });

  test("that is half up is refused with what is amiss, and one without Docker with what needs none", async () => {
    const half = run();
    expect(await half.exit, half.err()).toBe(3);
    expect(half.err()).toContain(
      "half up: kill-toy is exited (exit code 137); crash-toy is exited (exit code 7)",
    );
    // One after the other: two runs on one fleet at once are refused for that.
    const without = run({ DOCKER_HOST: `unix://${join(toy.target.folder, "none.sock")}` });
    expect(await without.exit, without.err()).toBe(3);
    expect(without.err()).toMatch(
      /no Docker answers at .*none.sock\n.*hint: .*--runtime process needs none/s,
    );
    await Promise.all([toy.container("kill-toy").start(), toy.container("crash-toy").start()]);
  });
});

killedEngineContract("containers", () => ({
  runtime: dockerRuntime({ socketPath: engineSocket() }),
  target: toy.target.file,
  folder: toy.target.folder,
  options: ["--runtime", "docker"],
  settings: { mood: "wild" },
  faults,
  async state(part) {
    const info = await toy.container(part).inspect();
    const address = publishedAt(info, 3_000);
    if (address === undefined) throw new Error("its port is not published");
    const url = `http://${formatAddress(address)}/ready`;
    const { status } = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const { Memory, MemorySwap, NanoCpus, CpuQuota } = info.HostConfig;
    const networks = Object.entries(info.NetworkSettings.Networks).map(([name, { Aliases: aliases }]) => ({
      name,
      aliases: [...(aliases as string[])].sort(),
    }));
    const { Running, Paused } = info.State;
    const shown = ["sh", "-c", "cat /etc/resolv.conf; ls -A /data"];
    const inside = await execute(toy.docker, info.Id, part, shown);
    const label = [`squall.beside=${info.Id}`];
    const sidecars = (await toy.docker.listContainers({ all: true, filters: { label } })).length;
    const limits = { Memory, MemorySwap, NanoCpus, CpuQuota };
    const ofPart = [`${projectLabel}=${toy.project}`, `${serviceLabel}=${part}`];
    const replicas = (await toy.docker.listContainers({ all: true, filters: { label: ofPart } })).length;
    return { status, Running, Paused, limits, networks, inside, sidecars, replicas };
  },
}));
