/**
 * The load's client in a closed loop: each connection asks again once it is answered. Runs until it is killed; ends when
 * a request fails.
 *
 *   node bench/load/closed-loop/ours.ts <port> <connections> bare
 *   node bench/load/closed-loop/ours.ts <port> <connections> journeys <folder>
 *
 * `bare` is the client alone; `journeys` takes a journey of one step each time, with trace headers, history and
 * histograms, which go to the folder.
 */
import { join } from "node:path";
import { systemClock } from "../../../harness/base/clock.ts";
import { createRandom } from "../../../harness/base/random.ts";
import { createClient } from "../../../harness/load/http/client.ts";
import type { Journey } from "../../../harness/load/journey.ts";
import { Line } from "../../../harness/load/line.ts";
import { createKeep } from "../../../harness/load/keep.ts";
import { openRecorder } from "../../../harness/load/recording/recorder.ts";
import { takeJourney } from "../../../harness/load/taken-journey.ts";
import { createTraceIds } from "../../../harness/load/trace-ids.ts";
import { createVirtualUsers, type VirtualUser } from "../../../harness/load/virtual-users.ts";

const [port, connections, what, folder] = process.argv.slice(2);
const maxConnections = Number(connections);
const baseUrl = `http://127.0.0.1:${port}`;
const client = createClient({ baseUrl, maxConnections, timeoutMs: 5_000 });

switch (what) {
  case "bare":
    await Promise.all(Array.from({ length: maxConnections }, askForEver));
    break;
  case "journeys": {
    const take = journeyTaker(folder as string);
    await Promise.all(Array.from({ length: maxConnections }, () => takeForEver(take)));
    break;
  }
  case undefined:
  default:
    throw new Error(`expected bare or journeys, got ${what}`);
}

async function askForEver(): Promise<never> {
  const request = { method: "GET", path: "/", headers: {} };
  for (;;) {
    const exchange = await client.exchange(request);
    if (exchange.kind !== "answered" || exchange.status !== 200) throw new Error(JSON.stringify(exchange));
  }
}

async function takeForEver(take: () => Promise<void>): Promise<never> {
  for (;;) await take();
}

function journeyTaker(folder: string): () => Promise<void> {
  const timeoutMs = 5_000;
  const startAtMs = systemClock.nowMs();
  const begun = {
    driver: "bench",
    startAtMs,
    seed: "bench",
    baseUrl,
    mix: { page: 1 },
    timeoutMs,
    maxConnections,
  };
  const files = {
    historyFile: join(folder, "history.jsonl"),
    histogramsFile: join(folder, "histograms.jsonl"),
  };
  const recorder = openRecorder({ ...files, begun }, (error) => {
    throw error;
  });
  const random = createRandom("bench");
  const journey: Journey = ({ http }) => http.get("page", "/");
  const users = createVirtualUsers({ kind: "as-needed" }, random.fork("users"));
  const shared = createKeep();
  const cuts = new Line<() => void>();
  let arrival = 0;
  return async () => {
    const index = arrival++;
    const intendedMs = systemClock.nowMs();
    recorder.start(intendedMs, 0);
    const own = random.fork(`journey/${index}`);
    const user = users.take() as VirtualUser; // there is no bound
    const line = await takeJourney({
      name: "page",
      journey,
      arrival: index,
      intendedMs,
      random: own,
      key: `bench-${index}`,
      traceIds: createTraceIds("000000000000", own.fork("trace")),
      user,
      shared,
      client,
      cuts,
      onOperation: recorder.add,
    });
    users.release(user);
    if (line.completion !== "ok") throw new Error(JSON.stringify(line));
    recorder.add(line);
  };
}
