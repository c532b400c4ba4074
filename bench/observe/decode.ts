/**
 * OTLP trace requests into lines of OTLP/JSON and counts by service: our decoder against protobufjs, and JSON against
 * JSON.parse; in one process, and as processes that are sent them over HTTP.
 *
 *   node bench/observe/decode.ts [--rounds 7] [--batches 1000] [--seed TEXT] [--file runs/RUN/traces.otlp.jsonl]
 *
 * The requests are made up as the shop's services send them, or those of a recorded run. All figures are processor time, of
 * all threads of the process that decodes, in microseconds a span, the median of interleaved rounds. Exits 1 when a goal is
 * missed. Loopback and a temporary folder only; about 40 seconds.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { setSink } from "../../harness/observe/receiver-client.ts";
import { readJsonRequest } from "../../harness/observe/otlp/json-request.ts";
import { TraceDecoder } from "../../harness/observe/otlp/trace-decoder.ts";
import { atLeast, goalTable } from "../goals.ts";
import { cpuMsOf } from "../load/measured-process.ts";
import { interleave, median, medianOfPairs, spread } from "../rounds.ts";
import { countByJsonParse, countByProtobufjs, readByProtobufjs } from "./protobufjs-reading.ts";
import { madeUpBatches, recordedBatches } from "./span-batches.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    batches: { type: "string", default: "1000" },
    seed: { type: "string", default: "decode" },
    file: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const batches =
  values.file === undefined
    ? madeUpBatches(values.seed, Number(values.batches))
    : recordedBatches(values.file);
const spans = batches.reduce((sum, batch) => sum + batch.spans, 0);
const bytes = batches.reduce((sum, { protobuf }) => sum + protobuf.length, 0);
console.log(
  `${batches.length} requests, ${spans} spans, ${(bytes / spans).toFixed(0)} bytes of protobuf a span; ` +
    (values.file === undefined ? `seed "${values.seed}"` : values.file),
);

const decoder = new TraceDecoder();
const decoding = {
  "ours, line and counts": (at) => decoder.decode(batches[at]?.protobuf as Buffer),
  "protobufjs, line and counts": (at) => readByProtobufjs(batches[at]?.protobuf as Buffer),
  "protobufjs, counts only": (at) => countByProtobufjs(batches[at]?.protobuf as Buffer),
  "JSON: ours, line and counts": (at) => readJsonRequest(batches[at]?.json as Buffer),
  "JSON.parse, counts only": (at) => countByJsonParse(batches[at]?.json as Buffer),
} as const satisfies Record<string, (at: number) => unknown>;
type Arm = keyof typeof decoding;

requireSameAnswer();
const decoded = await interleave(Object.keys(decoding) as Arm[], rounds, async (arm) => {
  const decode = decoding[arm];
  const before = process.cpuUsage();
  for (let at = 0; at < batches.length; at += 1) decode(at);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / spans;
});

const folder = mkdtempSync(join(tmpdir(), "squall-decode-"));
const harness = join(import.meta.dirname, "../../harness/observe/receiver-main.ts");
await using ours = await startServer([harness], (line) => (JSON.parse(line) as { listen: string }).listen);
await using theirs = await startServer(
  [join(import.meta.dirname, "protobufjs-server.ts"), join(folder, "protobufjs.jsonl")],
  (line) => `127.0.0.1:${line}`,
);
await setSink(ours.url, join(folder, "ours.jsonl"));
const servers = { "ours, over HTTP": ours, "protobufjs, over HTTP": theirs } as const;
const served = await interleave(Object.keys(servers) as (keyof typeof servers)[], rounds, async (arm) => {
  const { pid, url } = servers[arm];
  // A file of its own, in which no request came before.
  if (arm === "ours, over HTTP") await setSink(url, join(folder, "ours.jsonl"));
  const before = cpuMsOf(pid) ?? NaN;
  await sendAll(url);
  return (((cpuMsOf(pid) ?? NaN) - before) * 1_000) / spans;
});
rmSync(folder, { recursive: true, force: true });

const all: Readonly<Record<string, readonly number[]>> = { ...decoded, ...served };
console.table(
  Object.fromEntries(
    Object.entries(all).map(([arm, figures]) => [
      arm,
      { "µs a span": Number(median(figures).toFixed(2)), spread: Number(spread(figures).toFixed(2)) },
    ]),
  ),
);
const ratio = (slower: readonly number[], faster: readonly number[]): number =>
  medianOfPairs(slower, faster, (one, other) => one / other);
const goals = [
  atLeast(
    "decode, count and write JSON: spans a core against protobufjs",
    ratio(decoded["protobufjs, line and counts"], decoded["ours, line and counts"]),
    2,
  ),
  atLeast(
    "the same over HTTP, a process each",
    ratio(served["protobufjs, over HTTP"], served["ours, over HTTP"]),
    1.7,
  ),
];
console.log(goalTable(goals));
process.exitCode = goals.some(({ outcome }) => outcome === "MISSED") ? 1 : 0;

/** What is compared must do the same; protobufjs keeps members that have their default. */
function requireSameAnswer(): void {
  for (const { protobuf } of batches.slice(0, 50)) {
    const own = decoder.decode(protobuf);
    const other = readByProtobufjs(protobuf);
    const spansOf = (line: string): readonly string[] => line.match(/"spanId":"[0-9a-f]{16}"/g) ?? [];
    const counted = new Map(own.batches.map((batch) => [batch.service, batch.spans]));
    const isSame =
      spansOf(own.line.toString()).join() === spansOf(other.line).join() &&
      [...other.spans].every(([service, count]) => counted.get(service) === count);
    if (!isSame) throw new Error("protobufjs reads something else");
  }
}

interface Server extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

async function startServer(args: readonly string[], addressIn: (line: string) => string): Promise<Server> {
  const child = spawn(process.execPath, [...args], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  if (child.pid === undefined) throw new Error("the server did not start");
  return {
    url: `http://${addressIn(line)}`,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
  };
}

/** Over four connections that stay open: as many senders, each of which waits for its answer. */
async function sendAll(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let next = 0;
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let at = next++; at < batches.length; at = next++)
        await send(agent, url, batches[at]?.protobuf as Buffer);
    }),
  );
  agent.destroy();
}

function send(agent: Agent, url: string, body: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-protobuf", "content-length": body.length };
    const sending = request(`${url}/v1/traces`, { method: "POST", agent, headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`answered ${response.statusCode}`));
      response.resume();
      response.on("end", resolve);
    });
    sending.on("error", reject);
    sending.end(body);
  });
}
