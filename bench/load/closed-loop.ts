/**
 * What a request costs the load's client in a closed loop, side by side with autocannon, k6 and wrk.
 *
 *   node bench/load/closed-loop.ts [--rounds 4] [--quick]
 *
 *   ours | ours, journeys | autocannon | k6 | wrk   (processor 0) ─→ nginx (processor 1; answers "{}")
 *
 * 32 connections, each of which asks again once it is answered. Requests are counted by the server, between two moments
 * after the client has warmed up, and processor time is that of the client's process between the same moments: starting
 * up costs no arm anything. The arms are measured in turns; a ratio is the median over the rounds of the ratio within a
 * round. `ours` is the client alone, `ours, journeys` takes a journey a request, with trace headers, history and histograms.
 *
 * Linux with two processors; needs root where nginx and wrk are to be installed. Loopback only; about two minutes.
 * Exits 1 when a goal is missed.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { autocannonVersion, debianPackages, goProgram, k6Version, npmProgram } from "../../scripts/peers.ts";
import { waitFor } from "../../harness/base/wait.ts";
import { atLeast, atMost, goalTable } from "../goals.ts";
import { cpuUs, start, stopAll } from "../proxy/child-process.ts";
import { interleave, median, medianOfPairs, spread } from "../rounds.ts";
import { startCountingWeb } from "./closed-loop/web.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string" }, quick: { type: "boolean", default: false } },
});
const rounds = Number(values.rounds ?? (values.quick ? 2 : 4));
/** Of each client, before it is measured: its code is compiled by then. */
const warmUpRequests = 20_000;
const measuredMs = values.quick ? 1_500 : 2_500;
const connections = 32;
const ofClient = ["taskset", "-c", "0"];
const ofServer = ["taskset", "-c", "1"];

const arms = ["ours", "ours, journeys", "autocannon", "k6", "wrk"] as const;
type Arm = (typeof arms)[number];

interface Figures {
  readonly perSecond: number;
  /** Of the client's process, for one request. */
  readonly cpuUs: number;
}

if (availableParallelism() < 2)
  throw new Error("needs two processors: one for the client, one for the server");
const folder = mkdtempSync(join(tmpdir(), "squall-bench-"));
try {
  debianPackages(["nginx-light", "wrk"], ["/usr/sbin/nginx", "/usr/bin/wrk"]);
  const k6 = goProgram("k6");
  const autocannon = npmProgram("autocannon");
  const web = await startCountingWeb(ofServer, "/usr/sbin/nginx", folder);
  const url = `http://127.0.0.1:${web.port}/`;
  const k6Script = join(folder, "script.js");
  writeFileSync(
    k6Script,
    `import http from "k6/http";
export const options = { vus: ${connections}, duration: "1h", discardResponseBodies: true };
export default function () { http.get(${JSON.stringify(url)}); }
`,
  );
  const ours = join(import.meta.dirname, "closed-loop", "ours.ts");
  const commands: Readonly<Record<Arm, readonly string[]>> = {
    ours: [process.execPath, ours, `${web.port}`, `${connections}`, "bare"],
    "ours, journeys": [process.execPath, ours, `${web.port}`, `${connections}`, "journeys", folder],
    autocannon: [process.execPath, autocannon, "-c", `${connections}`, "-d", "3600", "--no-progress", url],
    k6: [
      k6,
      "run",
      "--quiet",
      "--no-summary",
      "--no-usage-report",
      "--log-output",
      "none",
      "--address",
      "",
      k6Script,
    ],
    wrk: ["/usr/bin/wrk", "-t1", `-c${connections}`, "-d3600s", url],
  };
  console.log(
    `${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)} before; ${rounds} rounds of` +
      ` ${measuredMs} ms; autocannon ${autocannonVersion}, k6 ${k6Version}, Node ${process.versions.node}`,
  );

  const measured = await interleave(arms, rounds, async (arm): Promise<Figures> => {
    const client = await start([...ofClient, ...commands[arm]], { reads: true });
    client.process.stdout?.resume();
    const coldFrom = await web.requests();
    await waitFor(
      { what: `${arm} to warm up`, withinMs: 30_000 },
      async () => (await web.requests()) - coldFrom > warmUpRequests,
    );
    const before = { requests: await web.requests(), cpuUs: cpuUs(client.pid), atMs: performance.now() };
    await delay(measuredMs);
    if (client.process.exitCode !== null) throw new Error(`${arm} ended early`);
    const after = { requests: await web.requests(), cpuUs: cpuUs(client.pid), atMs: performance.now() };
    await stopAll([client]);
    const requests = after.requests - before.requests - 1; // the last one was ours
    if (requests < 100 || after.cpuUs === undefined || before.cpuUs === undefined)
      throw new Error(`${arm} made ${requests} requests`);
    return {
      perSecond: requests / ((after.atMs - before.atMs) / 1_000),
      cpuUs: (after.cpuUs - before.cpuUs) / requests,
    };
  });

  console.table(
    Object.fromEntries(
      arms.map((arm) => [
        arm,
        {
          "requests/s": Math.round(median(measured[arm].map(({ perSecond }) => perSecond))),
          "cpu µs a request": Number(median(measured[arm].map((figures) => figures.cpuUs)).toFixed(2)),
          "spread of cpu": Number(spread(measured[arm].map((figures) => figures.cpuUs)).toFixed(2)),
        },
      ]),
    ),
  );
  const cpuRatio = (one: Arm, other: Arm): number =>
    medianOfPairs(measured[one], measured[other], (a, b) => a.cpuUs / b.cpuUs);
  const goals = [
    atMost("CPU a request, of autocannon's", cpuRatio("ours", "autocannon"), 0.75),
    atMost("CPU a request, of k6's", cpuRatio("ours", "k6"), 0.25),
    atLeast(
      "requests a second, of wrk's",
      medianOfPairs(measured.ours, measured.wrk, (one, other) => one.perSecond / other.perSecond),
      0.75,
    ),
  ];
  console.log(goalTable(goals));
  console.log(
    `with journeys, trace headers, history and histograms, CPU a request is ${cpuRatio("ours, journeys", "autocannon").toFixed(2)}x` +
      ` autocannon's and ${cpuRatio("ours, journeys", "k6").toFixed(2)}x k6's; bare, it is` +
      ` ${cpuRatio("ours", "wrk").toFixed(2)}x wrk's`,
  );
  process.exitCode = goals.every(({ outcome }) => outcome === "met") ? 0 : 1;
} finally {
  await stopAll();
  rmSync(folder, { recursive: true });
}
