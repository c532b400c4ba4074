/**
 * The open loop: requests that are meant to leave at even times, and when they arrive, as the server stamps it.
 *
 *   node bench/load/open-loop.ts
 *
 *   ours | k6 (processor 0) ─→ a server that does next to nothing but stamp arrivals (processor 1)
 *
 * Each request of ours says which arrival it is of; of k6's nobody can say, see {@link slotLates}. Ours writes its history
 * and histograms; both send trace headers. What is compared is measured in turns, and the median counts: what else the
 * machine does comes and goes. Linux with two processors. Loopback only; two and a half minutes. Exits 1 when a goal is
 * missed.
 */
import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, devNull, tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../harness/base/clock.ts";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { waitFor } from "../../harness/base/wait.ts";
import type { ArrivalPlan } from "../../harness/load/arrivals/arrival-plan.ts";
import { startDriver, type LoadPlan } from "../../harness/load/driver.ts";
import { raisePriority } from "../../harness/load/priority.ts";
import { historyLineSchema } from "../../harness/record/history.ts";
import { quantile } from "../../harness/stats/quantile.ts";
import { goProgram } from "../../scripts/peers.ts";
import { atMost, goalTable, megabytes, milliseconds, type Goal } from "../goals.ts";
import type { AskServer, Stamp } from "./arrival-server.ts";
import { median } from "../rounds.ts";
import { childRunning, cpuMsOf, pin, residentBytesOf } from "./measured-process.ts";

const k6Script = `import exec from "k6/execution";
import http from "k6/http";

export const options = {
  scenarios: {
    open: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE),
      timeUnit: "1s",
      duration: __ENV.SECONDS + "s",
      preAllocatedVUs: Number(__ENV.USERS),
      maxVUs: Number(__ENV.USERS),
    },
  },
};

export default function () {
  const digits = exec.scenario.iterationInTest.toString(16).padStart(16, "0");
  const traceparent = "00-" + digits + digits + "-" + digits + "-01";
  http.get(__ENV.URL + "/0", { headers: { traceparent, baggage: "squall.journey=get" } });
}
`;

const clientProcessor = 0;
const serverProcessor = 1;
const loadMs = 6_000;
const rounds = 3;
let runs = 0;
/** The beginning of a load, in which k6 starts its users and all of them connect, is not measured. */
const settlingMs = 1_000;

interface Measured {
  readonly client: "ours" | "k6";
  readonly ratePerSecond: number;
  /** Of those that were meant, how many never left. */
  readonly droppedRatio: number;
  /** How far arrivals lie from where they were meant: 1 % to 99 %, 25 % to 75 %. */
  readonly spreadMs: number;
  readonly interquartileMs: number;
  readonly cpuMsPerRequest: number;
}

type Figure = "spreadMs" | "interquartileMs" | "droppedRatio" | "cpuMsPerRequest";

type Server = ChildProcess & { readonly port: number };

if (availableParallelism() < 2)
  throw new Error("needs two processors: one for the client, one for the server");
raisePriority(); // of all that it starts, too: what else the machine does shall not decide
const folder = mkdtempSync(join(tmpdir(), "squall-bench-"));
const goals = await measureAll().finally(() => rmSync(folder, { recursive: true }));
console.log(goalTable(goals));
process.exitCode = goals.some(({ outcome }) => outcome === "MISSED") ? 1 : 0;

async function measureAll(): Promise<readonly Goal[]> {
  const k6 = goProgram("k6");
  const server = await startServer();
  try {
    const measured = [await measureOurs(server, 100)];
    for (let round = 0; round < rounds; round += 1)
      for (const ratePerSecond of [1_000, 10_000])
        measured.push(await measureOurs(server, ratePerSecond), await measureK6(server, k6, ratePerSecond));
    measured.push(await measureOurs(server, 30_000));
    console.table(measured.map(rowOf));
    const users = [];
    for (const count of [1, 100, 1_000, 10_000]) users.push(await measureUsers(server, count));
    console.table(users);
    const stall = await measureStall(server);
    console.table(stall);
    const firstMs = await measureFirstRequest(server);
    return goalsOf(measured, users, stall, firstMs);
  } finally {
    server.kill();
  }
}

function goalsOf(
  measured: readonly Measured[],
  users: readonly Users[],
  stall: Stall,
  firstMs: number,
): readonly Goal[] {
  const medianOf = (client: Measured["client"], rate: number, figure: Figure): number =>
    median(
      measured.filter((one) => one.client === client && one.ratePerSecond === rate).map((one) => one[figure]),
    );
  const cpuRatio = medianOf("ours", 1_000, "cpuMsPerRequest") / medianOf("k6", 1_000, "cpuMsPerRequest");
  const residentMb = users.find((one) => one.users === 1_000)?.residentMb ?? NaN;
  const percent = (ratio: number): string => `${(ratio * 100).toFixed(2)} %`;
  return [
    atMost(
      "open, 1,000/s: arrivals from 1 % to 99 % within",
      medianOf("ours", 1_000, "spreadMs"),
      1,
      milliseconds,
    ),
    atMost(
      "open, 1,000/s: arrivals from 25 % to 75 % within",
      medianOf("ours", 1_000, "interquartileMs"),
      0.1,
      milliseconds,
    ),
    atMost(
      "open, 10,000/s: arrivals from 1 % to 99 % within",
      medianOf("ours", 10_000, "spreadMs"),
      1.2,
      milliseconds,
    ),
    atMost("open, 10,000/s: dropped", medianOf("ours", 10_000, "droppedRatio"), 0, percent),
    atMost("open, 1,000/s: CPU a request, of k6's", cpuRatio, 0.5),
    atMost("start of the driver to its first request", firstMs, 250, milliseconds),
    atMost("memory of the driver with 1,000 users in journeys", residentMb, 100, megabytes),
    atMost("5,000/s, server stalled for 2 s: not answered", stall.notOk / stall.requests, 0, percent),
    atMost("the same: reported p99 off the stop-watch by", Math.abs(stall.offRatio), 0.01, percent),
  ];
}

function rowOf({ client, ratePerSecond, droppedRatio, ...measured }: Measured) {
  return {
    client,
    "requests/s": ratePerSecond,
    "dropped %": Number((droppedRatio * 100).toFixed(2)),
    "1 % to 99 %, ms": Number(measured.spreadMs.toFixed(3)),
    "25 % to 75 %, ms": Number(measured.interquartileMs.toFixed(3)),
    "CPU a request, us": Number((measured.cpuMsPerRequest * 1_000).toFixed(1)),
  };
}

async function startServer(): Promise<Server> {
  const server = fork(join(import.meta.dirname, "arrival-server.ts"));
  const [port] = (await once(server, "message")) as [number];
  pin(server.pid as number, serverProcessor);
  return Object.assign(server, { port });
}

async function stampsOf(server: Server): Promise<readonly Stamp[]> {
  server.send({ kind: "stamps" } satisfies AskServer);
  const [flat] = (await once(server, "message")) as [readonly number[]];
  return Array.from({ length: flat.length / 3 }, (_, row) => {
    const [atMs = NaN, index = NaN, answeredMs = NaN] = flat.slice(row * 3, row * 3 + 3);
    return { atMs, index, answeredMs };
  });
}

interface Driven {
  readonly startAtMs: number;
  readonly pid: number;
  readonly stop: () => Promise<unknown>;
  readonly done: Promise<{ readonly intended: number; readonly started: number }>;
}

/** Has the driver on its processor while `measure` runs. */
async function withDriver<T>(
  server: Server,
  plan: Pick<LoadPlan, "mix" | "arrivals"> & Partial<LoadPlan>,
  measure: (driven: Driven, historyFile: string) => Promise<T>,
): Promise<T> {
  const historyFile = join(folder, `${(runs += 1)}.jsonl`);
  try {
    await using driver = await startDriver(
      {
        journeysModule: join(import.meta.dirname, "journeys.ts"),
        seed: "bench",
        baseUrl: `http://127.0.0.1:${server.port}`,
        historyFile,
        histogramsFile: `${historyFile}.histograms`,
        maxConnections: 512,
        timeoutMs: 20_000,
        ...plan,
      },
      () => undefined,
    );
    const pid = childRunning("driver-main.ts") ?? 0;
    pin(pid, clientProcessor);
    await stampsOf(server);
    const startAtMs = Math.ceil(systemClock.nowMs()) + 300;
    driver.begin(startAtMs);
    return await measure({ startAtMs, pid, stop: () => driver.stop(), done: driver.done }, historyFile);
  } finally {
    for (const file of [historyFile, `${historyFile}.histograms`]) rmSync(file, { force: true });
  }
}

async function measureOurs(server: Server, ratePerSecond: number): Promise<Measured> {
  const arrivals: ArrivalPlan = { kind: "constant", ratePerSecond, durationMs: loadMs };
  return withDriver(server, { mix: { get: 1 }, arrivals }, async ({ startAtMs, pid, done }) => {
    await systemClock.sleep(startAtMs + settlingMs - systemClock.nowMs());
    const before = cpuMsOf(pid) ?? NaN;
    await systemClock.sleep(startAtMs + loadMs - 200 - systemClock.nowMs());
    const cpuMs = (cpuMsOf(pid) ?? NaN) - before;
    const { intended } = await done;
    const stamps = await stampsOf(server);
    const gapMs = 1_000 / ratePerSecond;
    const lates = stamps.map(({ atMs, index }) => atMs - startAtMs - (index + 0.5) * gapMs);
    return {
      client: "ours",
      ratePerSecond,
      droppedRatio: 1 - stamps.length / intended,
      ...spreadsOf(lates.slice((settlingMs / 1_000) * ratePerSecond)),
      cpuMsPerRequest: cpuMs / (((loadMs - settlingMs - 200) / 1_000) * ratePerSecond),
    };
  });
}

async function measureK6(server: Server, program: string, ratePerSecond: number): Promise<Measured> {
  await stampsOf(server);
  const variables = {
    RATE: ratePerSecond,
    SECONDS: loadMs / 1_000,
    USERS: 512,
    URL: `http://127.0.0.1:${server.port}`,
  };
  const script = join(folder, "constant-rate.js");
  writeFileSync(script, k6Script);
  const k6 = spawn(
    "taskset",
    [
      ...["-c", String(clientProcessor), program, "run", "--quiet", "--no-usage-report"],
      ...Object.entries(variables).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      script,
    ],
    { stdio: "ignore" },
  );
  const exited = once(k6, "exit");
  const seen: Stamp[] = [];
  await waitFor({ what: "k6's first request", withinMs: 30_000 }, async () => {
    seen.push(...(await stampsOf(server)));
    return seen.length > 0;
  });
  await systemClock.sleep(settlingMs);
  const before = cpuMsOf(k6.pid) ?? NaN;
  await systemClock.sleep(loadMs - settlingMs - 500);
  const cpuMs = (cpuMsOf(k6.pid) ?? NaN) - before;
  seen.push(...(await stampsOf(server)));
  const measuredCount = seen.filter(({ atMs }) => atMs > (seen[0]?.atMs ?? 0) + settlingMs).length;
  await exited;
  const stamps = [...seen, ...(await stampsOf(server))];
  const dropped = Math.max(0, (ratePerSecond * loadMs) / 1_000 - stamps.length);
  return {
    client: "k6",
    ratePerSecond,
    droppedRatio: (dropped * 1_000) / (ratePerSecond * loadMs),
    ...spreadsOf(
      slotLates(
        stamps.map(({ atMs }) => atMs),
        1_000 / ratePerSecond,
        dropped,
      ),
    ),
    cpuMsPerRequest: cpuMs / measuredCount,
  };
}

/**
 * How late each arrival is for its slot, where nobody says which it is for: for the latest slot that had come, as long as
 * no more slots are left out than were dropped in all. Where some were dropped that is in the client's favour.
 */
function slotLates(arrivalsMs: readonly number[], gapMs: number, dropped: number): readonly number[] {
  const zeroMs = Math.min(...arrivalsMs.slice(0, 100).map((atMs, index) => atMs - index * gapMs));
  let leftOut = 0;
  return arrivalsMs.flatMap((atMs, index) => {
    const latest = Math.floor((atMs - zeroMs) / gapMs);
    leftOut = Math.max(leftOut, Math.min(latest - index, dropped));
    return atMs < zeroMs + settlingMs ? [] : [atMs - zeroMs - (index + leftOut) * gapMs];
  });
}

function spreadsOf(latesMs: readonly number[]): Pick<Measured, "spreadMs" | "interquartileMs"> {
  const between = (from: number, to: number): number => quantile(latesMs, to) - quantile(latesMs, from);
  return { spreadMs: between(0.01, 0.99), interquartileMs: between(0.25, 0.75) };
}

interface Users {
  readonly users: number;
  readonly residentMb: number;
}

/** Memory of the driver while so many users are in the middle of a journey. */
async function measureUsers(server: Server, users: number): Promise<Users> {
  const arrivals: ArrivalPlan = { kind: "constant", ratePerSecond: users, durationMs: 2_000 };
  return withDriver(server, { mix: { linger: 1 }, arrivals }, async ({ startAtMs, pid, stop }) => {
    await systemClock.sleep(startAtMs + 1_000 - systemClock.nowMs());
    const residentMb = (residentBytesOf(pid) ?? NaN) / 1e6;
    void stop().catch(() => undefined); // cut off by what comes after this
    return { users, residentMb: Number(residentMb.toFixed(1)) };
  });
}

interface Stall {
  readonly requests: number;
  readonly notOk: number;
  readonly reportedP99Ms: number;
  readonly watchedP99Ms: number;
  readonly offRatio: number;
}

/** 5,000 a second while the server answers nothing for two seconds; the stop-watch knows the plan and the server alone. */
async function measureStall(server: Server): Promise<Stall> {
  const ratePerSecond = 5_000;
  const arrivals: ArrivalPlan = { kind: "constant", ratePerSecond, durationMs: loadMs };
  const plan = { mix: { get: 1 }, arrivals, maxConnections: 4_096 };
  return withDriver(server, plan, async ({ startAtMs, done }, historyFile) => {
    await systemClock.sleep(startAtMs + loadMs / 3 - systemClock.nowMs());
    server.send({ kind: "stall", durationMs: 2_000 } satisfies AskServer);
    await done;
    const { lines } = readJsonl(historyFile, (line) => historyLineSchema.parse(line));
    const journeys = lines.filter(({ kind }) => kind === "journey");
    const reportedP99Ms = quantile(
      journeys.map(({ endedMs, intendedMs }) => endedMs - intendedMs),
      0.99,
    );
    const watched = (await stampsOf(server)).map(
      ({ answeredMs, index }) => answeredMs - startAtMs - ((index + 0.5) * 1_000) / ratePerSecond,
    );
    const watchedP99Ms = quantile(watched, 0.99);
    return {
      requests: journeys.length,
      notOk: journeys.filter(({ completion }) => completion !== "ok").length,
      reportedP99Ms,
      watchedP99Ms,
      offRatio: reportedP99Ms / watchedP99Ms - 1,
    };
  });
}

/** From nothing to the first request at the server, the median of five. */
async function measureFirstRequest(server: Server): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const beforeMs = systemClock.nowMs();
    await using driver = await startDriver(
      {
        journeysModule: join(import.meta.dirname, "journeys.ts"),
        mix: { get: 1 },
        arrivals: { kind: "constant", ratePerSecond: 1_000, durationMs: 100 },
        seed: "bench",
        baseUrl: `http://127.0.0.1:${server.port}`,
        historyFile: devNull,
        histogramsFile: devNull,
        maxConnections: 64,
        timeoutMs: 5_000,
      },
      () => undefined,
    );
    await stampsOf(server);
    driver.begin(systemClock.nowMs());
    await driver.done;
    rounds.push(Math.min(...(await stampsOf(server)).map(({ atMs }) => atMs)) - beforeMs);
  }
  return quantile(rounds, 0.5);
}
