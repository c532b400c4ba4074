/**
 * The load's client in a closed loop: each connection asks again once it is answered. Runs until it is killed; ends when
 * a request fails.
 *
 *   node bench/load/closed-loop/ours.ts <port> <connections> bare
 *   node bench/load/closed-loop/ours.ts <port> <connections> journeys <history file>
 *
 * `bare` is the client alone; `journeys` takes a journey of one step each time, with trace headers and the history.
 */
import { systemClock } from "../../../harness/base/clock.ts";
import { createRandom } from "../../../harness/base/random.ts";
import { createClient } from "../../../harness/load/http/client.ts";
import { openHistoryFile } from "../../../harness/load/history-file.ts";
import type { Journey } from "../../../harness/load/journey.ts";
import { takeJourney } from "../../../harness/load/taken-journey.ts";

const [port, connections, what, historyFile] = process.argv.slice(2);
const maxConnections = Number(connections);
const client = createClient({ baseUrl: `http://127.0.0.1:${port}`, maxConnections, timeoutMs: 5_000 });

switch (what) {
  case "bare":
    await Promise.all(Array.from({ length: maxConnections }, askForEver));
    break;
  case "journeys": {
    const take = journeyTaker(historyFile as string);
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

function journeyTaker(file: string): () => Promise<void> {
  const history = openHistoryFile(file, (error) => {
    throw error;
  });
  const random = createRandom("bench");
  const journey: Journey = ({ request }) => request("page", { method: "GET", path: "/" });
  const never = new AbortController().signal;
  let arrival = 0;
  return async () => {
    const index = arrival++;
    const line = await takeJourney({
      name: "page",
      journey,
      arrival: index,
      intendedMs: systemClock.nowMs(),
      random: random.fork(`journey/${index}`),
      key: `bench-${index}`,
      shared: (create) => create(),
      client,
      cut: never,
      onOperation: history.add,
    });
    if (line.completion !== "ok") throw new Error(JSON.stringify(line));
    history.add(line);
  };
}
