/**
 * What tracing costs: processor time a request of one service of the shop's kit, which asks its database and another
 * service each time, untraced, traced as it can be configured, and by `@opentelemetry/auto-instrumentations-node` as that
 * comes, all at once and in turns.
 *
 *   node bench/observe/tracing-cost.ts [--rounds 9] [--requests 1500]
 *
 * Tracing's CPU is what an arm takes beyond the untraced one. Each arm is a process of its own; its processor time counts from the first request of a round until what was recorded is
 * sent. Every arm's spans are decoded once before, so that none is cheap because it records nothing. Batches are sent as
 * often in every arm, and nobody but tracing is on: auto-instrumentations' metrics and logs are not. Needs Linux; installs
 * auto-instrumentations where it is missing; about two minutes. Exits 1 when a goal is missed.
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
import { atMost, goalTable, times } from "../goals.ts";
import { cpuMsOf } from "../load/measured-process.ts";
import { interleave, median, medianOfPairs, spread } from "../rounds.ts";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "9" }, requests: { type: "string", default: "1500" } },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const mostOfAuto = 0.7;
const atOnce = 8;
const warmUpRequests = 3_000;
const decodedRequests = 50;
const exportEveryMs = 500;
/** A batch and its answer. */
const settleMs = exportEveryMs + 300;

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
const armNames = Object.keys(arms) as Arm[];

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
for (const arm of armNames) running.set(arm, await start(arm));

const spansPerRequest = new Map<Arm, number>();
for (const arm of armNames) {
  decoded.length = 0;
  await ask(arm, decodedRequests);
  await delay(settleMs);
  const own = decoded.filter(({ service }) => service === arm);
  spansPerRequest.set(arm, own.length / decodedRequests);
  checkSpans(arm, own);
}
isDecoding = false;
for (const arm of armNames) await ask(arm, warmUpRequests);
const cpuMs = await interleave(armNames, rounds, cpuOfRound);

const of = (arm: Arm): number => median(cpuMs[arm]);
console.table(
  Object.fromEntries(
    armNames.map((arm) => [
      arm,
      {
        "CPU ms a request": Number(of(arm).toFixed(3)),
        "added by tracing": `${((of(arm) / of("untraced") - 1) * 100).toFixed(0)} %`,
        "rounds apart": `${(spread(cpuMs[arm]) * 100).toFixed(0)} %`,
        "spans a request": spansPerRequest.get(arm),
      },
    ]),
  ),
);
const added = (arm: Arm): readonly number[] =>
  cpuMs[arm].map((cpu, round) => cpu - (cpuMs.untraced[round] ?? NaN));
const goals = [
  atMost(
    `tracing's CPU a request to auto-instrumentations ${autoInstrumentationsVersion}`,
    medianOfPairs(added("OTLP protobuf"), added("auto-instrumentations"), (ours, theirs) => ours / theirs),
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
  return { child, pool: stack.adopt(new Pool(url, { connections: atOnce }), (pool) => pool.close()) };
}

async function cpuOfRound(arm: Arm): Promise<number> {
  const { pid } = (running.get(arm) as Running).child;
  const before = cpuMsOf(pid);
  await ask(arm, requests);
  await delay(settleMs);
  const after = cpuMsOf(pid);
  if (before === undefined || after === undefined)
    throw new Error("needs Linux, which tells processor times");
  return (after - before) / requests;
}

async function ask(arm: Arm, count: number): Promise<void> {
  const { pool } = running.get(arm) as Running;
  let left = count;
  const askOn = async (): Promise<void> => {
    while (left-- > 0) {
      const { statusCode, body } = await pool.request({ method: "GET", path: "/things/t-1" });
      await body.dump();
      if (statusCode !== 200) throw new Error(`${arm} answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, askOn));
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
