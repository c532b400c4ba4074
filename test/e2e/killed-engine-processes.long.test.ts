import { afterAll, beforeAll, expect } from "vitest";
import { formatAddress } from "../../harness/base/address.ts";
import { isHeldStill } from "../../harness/runtimes/process/held-still.ts";
import { processRuntime } from "../../harness/runtimes/process/process-runtime.ts";
import { isAlive } from "../../harness/runtimes/process-identity.ts";
import { recordedProcess } from "../../harness/runtimes/process/recorded-process.ts";
import { loadTarget } from "../../harness/target/load-target.ts";
import { killedEngineContract, type BreakableFault } from "./killed-engine.contract.ts";
import { pairFleet, type PairFleet } from "./pair-fleet.ts";

/** A process for each fault of processes. */
const faults: readonly BreakableFault[] = [
  { kind: "kill", part: "back" },
  { kind: "stop", part: "back-db" },
  { kind: "restart", part: "restart-toy" },
  { kind: "crash-loop", part: "crash-toy", wanted: { every: "700ms" } },
  { kind: "pause", part: "pause-toy" },
  { kind: "cpu", part: "cpu-toy", wanted: { processors: 0.1 } },
  { kind: "replicas", part: "replicas-toy", wanted: { count: 2 } },
];

const runtime = processRuntime();
let fleet: PairFleet;
beforeAll(async () => {
  fleet = pairFleet(faults.flatMap(({ part }) => (part.endsWith("-toy") ? [part] : [])));
  const up = fleet.squall("up", fleet.target);
  expect(await up.exit, up.err()).toBe(0);
});
afterAll(async () => {
  await fleet.squall("down", fleet.target).exit;
  fleet[Symbol.dispose]();
});

killedEngineContract("processes", () => ({
  runtime,
  target: fleet.target,
  folder: fleet.folder,
  options: [],
  faults,
  async state(part) {
    const target = loadTarget(fleet.target);
    const { state, process } = recordedProcess(target, part);
    const replicas = state.replicas[part] ?? [];
    const answers = replicas.map(async ({ addresses: { http } }) => {
      if (http === undefined) throw new Error(`${part} has no address`);
      const url = `http://${formatAddress(http)}/ready`;
      return (await fetch(url, { signal: AbortSignal.timeout(10_000) })).status;
    });
    return {
      answers: await Promise.all(answers),
      runs: isAlive(process),
      isHeld: isHeldStill(process),
      isEnding: process.isEnding ?? false,
      command: process.start?.command,
    };
  },
}));
