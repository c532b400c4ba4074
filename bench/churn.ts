/**
 * Toxics come and go at random under load: every byte that arrives is checked for its place in its stream, and the
 * proxy's memory is watched.
 *
 *   node bench/churn.ts [--minutes 1] [--connections 64] [--seed TEXT]
 *
 *   client ─→ calm proxy  (toxics that lose nothing: every byte must come)              ─→ upstream
 *   client ─→ rough proxy (also those that end connections: what comes must be in order) ─→ upstream
 *
 * Both sides send at once, up to 2 MB each, end their direction and connect anew. Exits 1 when a byte was lost,
 * repeated or out of order, a connection of the calm proxy ended early, a connection is left when all has ended, or the
 * memory of the run's last quarter lies more than 15 % and 30 MB above that of its second.
 */
import { parseArgs } from "node:util";
import { setTimeout as delay } from "node:timers/promises";
import { createRandom, type Random } from "../harness/base/random.ts";
import { formatSize } from "../harness/base/units.ts";
import { waitFor } from "../harness/base/wait.ts";
import { proportionalSetSizeBytes } from "../harness/runtimes/process/memory.ts";
import { startUpstream, talkTo, type Tally } from "./churn/talk.ts";
import { stopAll } from "./proxy/child-process.ts";
import { median } from "./rounds.ts";
import { startSquall } from "./proxy/toxic-server.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    connections: { type: "string", default: "64" },
    seed: { type: "string", default: "churn" },
  },
});
const durationMs = Number(values.minutes) * 60_000;
const random = createRandom(values.seed);
const mostBytes = 2_000_000;
/** What the last connections may take to end, once all toxics are gone. */
const mostOverMs = 30_000;

const calm: readonly ((random: Random) => object)[] = [
  (random) => ({
    type: "latency",
    attributes: { latency: random.integer(0, 100), jitter: random.integer(0, 50) },
  }),
  (random) => ({ type: "bandwidth", attributes: { rate: random.integer(500, 20_000) } }),
  (random) => ({
    type: "slicer",
    attributes: {
      average_size: random.integer(500, 20_000),
      size_variation: 400,
      delay: random.integer(0, 500),
    },
  }),
  (random) => ({ type: "slow_close", attributes: { delay: random.integer(0, 300) } }),
  () => ({ type: "reset_peer", attributes: { timeout: 3_600_000 } }), // gone before its time, it loses nothing
  () => ({ type: "noop" }),
];
const rough: typeof calm = [
  ...calm,
  (random) => ({ type: "timeout", attributes: { timeout: random.integer(0, 500) } }),
  (random) => ({ type: "reset_peer", attributes: { timeout: random.integer(0, 500) } }),
  (random) => ({ type: "limit_data", attributes: { bytes: random.integer(0, 500_000) } }),
];

const tally: Tally = { whole: 0, cut: 0, receivedBytes: 0, wrong: [], open: new Map() };
const endsAtMs = performance.now() + durationMs;
const isOver = (): boolean => performance.now() >= endsAtMs || tally.wrong.length > 0;
const memoryBytes: number[] = [];
let toxics = 0;

const squall = await startSquall();
try {
  using upstream = await startUpstream(tally, random.fork("upstream"));
  const ports = {
    calm: await squall.proxyTo(upstream.port, "calm"),
    rough: await squall.proxyTo(upstream.port, "rough"),
  };
  let connections = 0;
  const client = async (name: "calm" | "rough", random: Random): Promise<void> => {
    while (!isOver()) {
      connections += 1;
      const sizeBytes = { upstream: random.integer(0, mostBytes), downstream: random.integer(0, mostBytes) };
      await talkTo(ports[name], { id: connections, mayBeCut: name === "rough", sizeBytes }, tally, random);
    }
  };
  const churn = async (proxy: "calm" | "rough", place: string): Promise<void> => {
    const random = createRandom(`${values.seed}/${proxy}/${place}`);
    for (let count = 0; !isOver(); count += 1) {
      const name = `${place}-${count}`;
      const stream = random.pick(["upstream", "downstream"]);
      const toxicity = random.pick([1, 1, 0.5]);
      const toxic = { ...random.pick(proxy === "calm" ? calm : rough)(random), name, stream, toxicity };
      if (!(await squall.addToxic(proxy, toxic))) throw new Error(`unknown toxic: ${JSON.stringify(toxic)}`);
      toxics += 1;
      await delay(random.integer(0, 400));
      const gone = await squall.call("DELETE", `/proxies/${proxy}/toxics/${name}`);
      if (gone.status !== 204) throw new Error(`a toxic could not be removed: ${gone.status}`);
      await delay(random.integer(0, 50));
    }
  };
  const watch = async (): Promise<void> => {
    while (!isOver()) {
      memoryBytes.push(proportionalSetSizeBytes([squall.pid]) ?? NaN);
      await delay(Math.min(durationMs / 60, 10_000));
    }
  };
  const names = ["calm", "rough"] as const;
  const done = Promise.all([
    watch(),
    // Three at once on each proxy, so that toxics stand in chains.
    ...names.flatMap((name) => ["first", "second", "third"].map((place) => churn(name, place))),
    ...Array.from({ length: Number(values.connections) }, (_, index) =>
      client(names[index % 2] ?? "calm", random.fork(`client-${index}`)),
    ),
  ]);
  const isStuck = await Promise.race([done, delay(durationMs + mostOverMs, "stuck", { ref: false })]);
  if (isStuck === "stuck")
    tally.wrong.push(
      `connections still open ${mostOverMs / 1_000} s after the end: ${[...tally.open.values()].map((describe) => describe()).join("; ")}`,
    );
  else
    await waitFor({ what: "every connection of the proxy is gone", withinMs: 10_000 }, async () => {
      const evidence = (await (await squall.call("GET", "/evidence")).json()) as {
        proxies: readonly { open_connections: number }[];
      };
      return evidence.proxies.every(({ open_connections }) => open_connections === 0);
    });
} finally {
  await stopAll();
}

const quarter = Math.floor(memoryBytes.length / 4);
const secondBytes = median(memoryBytes.slice(quarter, 2 * quarter));
const lastBytes = median(memoryBytes.slice(-quarter));
const isFlat = lastBytes <= secondBytes * 1.15 + 30e6;
console.log(
  `${values.minutes} minutes, ${values.connections} connections at a time, seed ${values.seed}: ${toxics} toxics came and` +
    ` went; ${tally.whole} connections were whole, ${tally.cut} ended early where they may;` +
    ` ${formatSize(tally.receivedBytes)} checked\n` +
    `memory: ${formatSize(secondBytes)} in the second quarter, ${formatSize(lastBytes)} in the last: ` +
    (isFlat ? "flat" : "NOT FLAT"),
);
for (const wrong of tally.wrong.slice(0, 10)) console.log(`WRONG  ${wrong}`);
if (tally.wrong.length === 0) console.log("no byte lost, repeated or out of order");
process.exitCode = tally.wrong.length === 0 && isFlat ? 0 : 1;
