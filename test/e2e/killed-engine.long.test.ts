import { connect } from "node:net";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createRandom } from "../../harness/base/random.ts";
import { waitFor } from "../../harness/base/wait.ts";
import { proxyApi } from "../../harness/faults/proxy-api.ts";
import { readJournal } from "../../harness/record/journal.ts";
import { pairFleet } from "./pair-fleet.ts";

const seed = process.env["SQUALL_TEST_SEED"] ?? String(Date.now());
const random = createRandom(seed);
const kills = 10;
const atOnce = 5;

test(
  `a run killed with SIGKILL at ${kills} random moments of the fault phase (seed ${seed}) leaves no fault, and recover ends the rest`,
  { timeout: 240_000 },
  async () => {
    const delays = Array.from({ length: kills }, () => random.next() * 2_500);
    for (let first = 0; first < kills; first += atOnce)
      await Promise.all(delays.slice(first, first + atOnce).map(killInFaultPhase));
  },
);

async function killInFaultPhase(delayMs: number): Promise<void> {
  using fleet = pairFleet();
  const run = fleet.squall("run", fleet.experiment, "--runs", fleet.runs);
  const ended = run.exit.then((code) =>
    Promise.reject(new Error(`the run ended by itself with ${code}: ${run.err()}`)),
  );
  const { proxyApi: url } = await Promise.race([fleet.journaled("fleet-ready"), ended]);
  // From the plan on: the undo is on disk, the fault may or may not be on the wire.
  await Promise.race([fleet.journaled("undo-planned"), ended]);
  await sleep(delayMs);
  run.child.kill("SIGKILL");
  await run.exit;

  const proxy = proxyApi(url);
  await waitFor({ what: "the lease to end every fault", withinMs: 10_000 }, async () =>
    (await proxy.evidence()).faults.every(({ ended_at_ms }) => ended_at_ms !== null),
  );
  const { proxies } = await proxy.evidence();
  const ports = proxies.flatMap(({ listen, upstream }) => [portOf(listen), portOf(upstream)]);
  expect(ports.length).toBeGreaterThan(0);

  const folder = fleet.newestRun();
  const before = readJournal(folder?.journal ?? "");
  expect(before.invalid).toEqual([]);
  expect(before.lines.at(-1)?.event).not.toBe("run-ended");

  const recover = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
  expect(await recover.exit, recover.err()).toBe(0);
  expect(processesOf(fleet.folder)).toEqual([]);
  for (const port of [...ports, portOf(url)]) expect(await isOpen(port), `port ${port}`).toBe(false);
  expect(existsSync(join(fleet.folder, ".squall/fleet.json"))).toBe(false);
  const after = readJournal(folder?.journal ?? "").lines;
  expect(after.at(-1)?.event).toBe("recovered");

  const again = fleet.squall("recover", fleet.target, "--runs", fleet.runs);
  expect(await again.exit, again.err()).toBe(0);
  expect(readJournal(folder?.journal ?? "").lines).toEqual(after);
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(":") + 1));
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Processes that were started for a fleet, by the folder named in their environment or command line. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const isIts = (command + readFileSync(`/proc/${pid}/environ`, "utf8")).includes(folder);
        return isIts ? [`${pid} ${command}`] : [];
      } catch {
        return []; // gone meanwhile
      }
    });
}
