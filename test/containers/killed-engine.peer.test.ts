import { afterAll, beforeAll } from "vitest";
import { engineSocket } from "../../scripts/docker-engine.ts";
import { formatAddress } from "../../harness/base/address.ts";
import { dockerRuntime } from "../../harness/runtimes/docker/docker-runtime.ts";
import { execute } from "../../harness/runtimes/docker/execute.ts";
import { publishedAt } from "../../harness/runtimes/docker/stack.ts";
import { startToyStack, type ToyStack } from "../../harness/runtimes/docker/toy-stack.fixture.ts";
import { killedEngineContract, type BreakableFault } from "../e2e/killed-engine.contract.ts";

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
];

let toy: ToyStack;
beforeAll(async () => {
  toy = await startToyStack({ name: "killed", others: faults.map(({ part }) => part), hasStore: false });
});
afterAll(() => toy[Symbol.asyncDispose]());

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
    const { status } = await fetch(url, { signal: AbortSignal.timeout(2_000) });
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
    return { status, Running, Paused, limits, networks, inside, sidecars };
  },
}));
