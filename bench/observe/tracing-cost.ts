/**
 * What tracing costs: processor time a request of one service of the shop's kit, which asks its database and another
 * service each time, untraced, traced as it can be configured, and by `@opentelemetry/auto-instrumentations-node` as that
 * comes, all at once and in turns.
 *
 *   node bench/observe/tracing-cost.ts [--rounds 15] [--requests 500] [--arms "untraced,OTLP protobuf,auto-instrumentations"]
 *
 * Tracing's CPU is what an arm takes beyond the untraced one. Each arm is a process of its own, all on one processor, and
 * the arms take turns of some dozens of requests: what else the machine does falls on all alike, and
 * each finds its code in the processor's caches, as a service that is asked does. Of each round of requests the
 * kernel's count of nanoseconds is taken of every arm at the same moment, with whatever batches it sent meanwhile. Every
 * arm's spans are decoded once before, so that none is cheap because it records nothing. Batches are sent as
 * often in every arm, and nobody but tracing is on: auto-instrumentations' metrics and logs are not. Needs Linux; installs
 * auto-instrumentations where it is missing; about a minute. Exits 1 when a goal is missed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { waitFor } from "../../harness/base/wait.ts";
import { autoInstrumentationsVersion, npmProgram } from "../../scripts/peers.ts";
import { receivedSpans, type TestSpan } from "../../target-system/service-kit/tracing/spans.fixture.ts";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres } from "../../test/postgres.fixture.ts";
import { atMost, goalTable, percent, times } from "../goals.ts";
import { pin, threadsCpuMsOf } from "../load/measured-process.ts";
import { median, medianOfPairs, spread, type Rounds } from "../rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    requests: { type: "string", default: "500" },
    arms: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const mostOfAuto = 0.7;
const atOnce = 8;
const warmUpRequests = 4_000;
const decodedRequests = 50;
const mostFailedRatio = 0.005;
/** Some tens of milliseconds. */
const turnRequests = 100;
const exportEveryMs = 500;
/** A batch and its answer. */
const settleMs = exportEveryMs + 300;
/** Of those that are measured; the other is for who asks, the database and whom spans are sent to. */
const processor = 1;

const register = npmProgram("auto-instrumentations");
const autoModules = resolve(dirname(register), "../../../..");

const arms = {
  untraced: { TRACES: "none" },
  "OTLP protobuf": { TRACES: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" },
  "OTLP JSON": { TRACES: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
  "Jaeger HTTP": { TRACES: "jaeger" },
  "sampler off": { TRACES: "otlp", OTEL_TRACES_SAMPLER: "always_off" },
  "auto-instrumentations": {
    TRACES: "none",
    NODE_OPTIONS: `--experimental-loader=${join(autoModules, "@opentelemetry/instrumentation/hook.mjs")} --require=${register}`,
    NODE_NO_WARNINGS: "1",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    OTEL_BSP_SCHEDULE_DELAY: String(exportEveryMs),
    OTEL_BSP_MAX_QUEUE_SIZE: "16384",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2048",
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;
type Arm = keyof typeof arms;
const armNames = values.arms === undefined ? (Object.keys(arms) as Arm[]) : values.arms.split(",").map(armOf);

await using stack = new AsyncDisposableStack();
const decoded: TestSpan[] = [];
let isDecoding = true;
const receiver = await listen(
  createServer((request, response) => {
    if (!isDecoding) {
      request.resume().on("end", () => response.end());
      return;
    }
    void receivedSpans(request).then(({ received }) => {
      decoded.push(...received);
      response.end();
    });
  }),
);
const upstream = await listen(
  createServer((_request, response) =>
    response.setHeader("content-type", "application/json").end('{"cents":995}'),
  ),
);
const postgres = stack.use(await startPostgres());
const identityDir = mkdtempSync(join(tmpdir(), "squall-bench-"));
stack.defer(() => rmSync(identityDir, { recursive: true }));

interface Running {
  readonly child: ChildProcess;
  readonly pool: Pool;
}
const running = new Map<Arm, Running>();
pin(process.pid, 1 - processor);
for (const arm of armNames) running.set(arm, await start(arm));

const spansPerRequest = new Map<Arm, number>();
for (const arm of armNames) {
  decoded.length = 0;
  await ask([arm], decodedRequests);
  await delay(settleMs);
  const own = decoded.filter(({ service }) => service === arm);
  spansPerRequest.set(arm, own.length / decodedRequests);
  checkSpans(arm, own);
}
isDecoding = false;
await ask(armNames, warmUpRequests);
const cpuMs = await cpuOfRounds();

const of = (arm: Arm): number => median(cpuMs[arm]);
const added = (arm: Arm): readonly number[] =>
  cpuMs[arm].map((cpu, round) => cpu - (cpuMs.untraced[round] ?? NaN));
/** What tracing adds, of what it adds by auto-instrumentations, round by round. */
const ofAuto = (arm: Arm): number =>
  medianOfPairs(added(arm), added("auto-instrumentations"), (ours, theirs) => ours / theirs);
console.table(
  Object.fromEntries(
    armNames.map((arm) => [
      arm,
      {
        "CPU ms a request": Number(of(arm).toFixed(3)),
        "added by tracing": `${((of(arm) / of("untraced") - 1) * 100).toFixed(0)} %`,
        "rounds apart": `${(spread(cpuMs[arm]) * 100).toFixed(0)} %`,
        "of auto-instrumentations'": times(ofAuto(arm)),
        "spans a request": spansPerRequest.get(arm),
      },
    ]),
  ),
);
const goals = [
  atMost(
    `tracing's CPU a request to auto-instrumentations ${autoInstrumentationsVersion}`,
    ofAuto("OTLP protobuf"),
    mostOfAuto,
    times,
  ),
];
console.log(goalTable(goals));
process.exitCode = goals.some(({ outcome }) => outcome === "MISSED") ? 1 : 0;

async function start(arm: Arm): Promise<Running> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, "traced-service.ts")], {
    env: {
      PATH: process.env["PATH"],
      PORT: String(port),
      DATABASE_URL: await postgres.database(arm.toLowerCase().replaceAll(/\W/g, "_")),
      IDENTITY_DIR: identityDir,
      UPSTREAM_URL: upstream,
      OTEL_SERVICE_NAME: arm,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver,
      OTEL_EXPORTER_JAEGER_ENDPOINT: `${receiver}/api/traces`,
      ...arms[arm],
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  stack.defer(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor(
    { what: `the service of ${arm}`, withinMs: 20_000 },
    async () => (await fetch(`${url}/ready`)).ok,
  );
  pin(child.pid as number, processor);
  return { child, pool: stack.adopt(new Pool(url, { connections: atOnce }), (pool) => pool.close()) };
}

/** Processor time a request of each arm, round by round. @throws when more than a few requests failed */
async function cpuOfRounds(): Promise<Rounds<Arm, number>> {
  const figures = Object.fromEntries(armNames.map((arm) => [arm, [] as number[]])) as Record<Arm, number[]>;
  let failed = 0;
  let before = cpuOfArms();
  for (let round = 0; round < rounds; round += 1) {
    failed += await ask(armNames, requests);
    const after = cpuOfArms();
    armNames.forEach((arm, index) =>
      figures[arm].push(((after[index] ?? NaN) - (before[index] ?? NaN)) / requests),
    );
    before = after;
  }
  const failedRatio = failed / (rounds * requests * armNames.length);
  if (failedRatio > mostFailedRatio)
    throw new Error(`the machine is too busy: ${percent(failedRatio)} of the requests failed`);
  return figures;
}

function cpuOfArms(): readonly number[] {
  return armNames.map((arm) => threadsCpuMsOf((running.get(arm) as Running).child.pid));
}

/** Asks every arm as often, in short turns whose order turns too. @returns how many were not answered as they should be */
async function ask(asked: readonly Arm[], count: number): Promise<number> {
  let failed = 0;
  for (let done = 0; done < count; done += turnRequests) {
    const first = (done / turnRequests) % asked.length;
    for (const arm of [...asked.slice(first), ...asked.slice(0, first)])
      failed += await askOne(arm, Math.min(turnRequests, count - done));
  }
  return failed;
}

async function askOne(arm: Arm, count: number): Promise<number> {
  const { pool } = running.get(arm) as Running;
  let left = count;
  let failed = 0;
  const askOn = async (): Promise<void> => {
    while (left-- > 0) {
      const { statusCode, body } = await pool.request({ method: "GET", path: "/things/t-1" });
      await body.dump();
      if (statusCode !== 200) failed += 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, askOn));
  return failed;
}

function armOf(name: string): Arm {
  if (!(name in arms)) throw new Error(`there is no arm "${name}", but ${Object.keys(arms).join(", ")}`);
  return name as Arm;
}

/** @throws when an arm that traces does not tell of what every request does */
function checkSpans(arm: Arm, spans: readonly TestSpan[]): void {
  const isSilent = arm === "untraced" || arm === "sampler off";
  const requestSpans = spans.filter(({ kind }) => kind === 2).length;
  const calls = spans.filter(
    ({ kind, attributes }) => kind === 3 && "http.response.status_code" in attributes,
  );
  const queries = spans.filter(
    ({ attributes }) => "db.query.text" in attributes || "db.statement" in attributes,
  );
  const counts = [requestSpans, calls.length, queries.length];
  if (isSilent ? spans.length > 0 : counts.some((count) => count < decodedRequests))
    throw new Error(
      `${arm}: requests, calls and queries recorded of ${decodedRequests}: ${counts.join(", ")}`,
    );
}

async function listen(server: Server): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
