import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { whenAborted } from "../../harness/base/abort.ts";
import { readJsonl } from "../../harness/base/jsonl.ts";
import { waitAtMost } from "../../harness/base/wait.ts";
import { startDriver, type LoadResult } from "../../harness/load/driver.ts";
import { readHttpRows } from "../../harness/observe/http-rows.ts";
import { readSqlRows } from "../../harness/observe/sql-rows.ts";
import { historyLineSchema } from "../../harness/record/history.ts";
import type { Fleet } from "../../harness/runtimes/runtime.ts";
import { summarizeLatency, type LatencySummary } from "../../harness/stats/latency-summary.ts";
import { byProcess, memoryBytes, openSockets, processesOf, sum, type ByProcess } from "./process-figures.ts";

/** What a long time at one rate did to the fleet. */
export interface Soak {
  readonly load: LoadResult;
  readonly journeys: number;
  readonly succeeded: number;
  readonly latency: LatencySummary;
  /** Of every process, from the beginning to the end of the load. */
  readonly memoryBytes: readonly ByProcess[];
  readonly socketsBefore: ByProcess;
  /** Once what was idle has been closed. */
  readonly socketsAfter: ByProcess;
  readonly storeConnections: { readonly before: number; readonly most: number; readonly after: number };
  readonly events: Events;
}

export interface Events {
  readonly confirmedOrders: number;
  /** Deliveries to subscribers that were still open at the end. */
  readonly undelivered: number;
  /** Confirmed orders without a mail, and mails that came again. */
  readonly unmailed: number;
  readonly mailedTwice: number;
  /** Orders whose work was not done at the end. */
  readonly unfinished: number;
}

export interface SoakOptions {
  /** One of the target's mixes. */
  readonly mix: string;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly onProgress: (message: string) => void;
}

/** Longer than any part keeps an idle connection: a server 72 s. */
const idleWithinMs = 90_000;
const settledWithinMs = 120_000;

/** Shoppers, as experiments have them, at one rate for a long time. */
export async function soak(
  fleet: Fleet,
  { mix, ratePerSecond, durationMs, onProgress }: SoakOptions,
): Promise<Soak> {
  const { target } = fleet;
  const processes = processesOf(fleet);
  const nodes = processes.filter(({ part }) => part !== "stores");
  const folder = mkdtempSync(join(tmpdir(), "squall-bench-"));
  try {
    const historyFile = join(folder, "history.jsonl");
    const socketsBefore = byProcess(nodes, openSockets);
    const connectionsBefore = await storeConnections(fleet);
    await using driver = await startDriver(
      {
        journeysModule: target.journeys.module,
        mix: target.journeys.mixes[mix] ?? {},
        arrivals: { kind: "poisson", ratePerSecond, durationMs },
        seed: "bench",
        baseUrl: fleet.entry,
        historyFile,
        histogramsFile: join(folder, "histograms.jsonl"),
        maxConnections: 256,
        timeoutMs: 10_000,
      },
      () => undefined,
    );
    const samples: ByProcess[] = [];
    let mostConnections = 0;
    const over = new AbortController();
    const watching = (async () => {
      const everyMs = Math.min(durationMs / 40, 10_000);
      while (!over.signal.aborted) {
        await Promise.race([delay(everyMs, undefined, { ref: false }), whenAborted(over.signal)]);
        if (over.signal.aborted) return;
        const sample = byProcess(processes, memoryBytes);
        samples.push(sample);
        const connections = await storeConnections(fleet);
        mostConnections = Math.max(mostConnections, connections);
        const minutes = (samples.length * everyMs) / 60_000;
        if (samples.length % 6 === 0)
          onProgress(
            `${minutes.toFixed(1)} minutes: ${Math.round(sum(sample) / 1e6)} MB, ${connections} connections to stores`,
          );
      }
    })();
    driver.begin(Date.now() + 200);
    const load = await driver.done.finally(() => over.abort());
    await watching;
    const journeys = readJsonl(historyFile, (line) => historyLineSchema.parse(line)).lines.filter(
      ({ kind }) => kind === "journey",
    );
    onProgress("settling");
    await waitAtMost(
      { what: "every order is done and every event delivered", withinMs: settledWithinMs },
      async () => {
        const { undelivered, unfinished, unmailed } = await eventsOf(fleet);
        return undelivered === 0 && unfinished === 0 && unmailed === 0;
      },
    ); // what is left is told
    onProgress("waiting for idle connections to be closed");
    await waitAtMost({ what: "connections as before", withinMs: idleWithinMs, everyMs: 1_000 }, async () => {
      const hasOpen = sum(byProcess(nodes, openSockets)) > sum(socketsBefore);
      return !hasOpen && (await storeConnections(fleet)) <= connectionsBefore;
    }); // what is left is told
    return {
      load,
      journeys: journeys.length,
      succeeded: journeys.filter(({ completion }) => completion === "ok").length,
      latency: summarizeLatency(journeys.map(({ endedMs, intendedMs }) => endedMs - intendedMs)),
      memoryBytes: samples,
      socketsBefore,
      socketsAfter: byProcess(nodes, openSockets),
      storeConnections: {
        before: connectionsBefore,
        most: mostConnections,
        after: await storeConnections(fleet),
      },
      events: await eventsOf(fleet),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Of clients to all stores together, ours not counted. */
async function storeConnections(fleet: Fleet): Promise<number> {
  const sql = `select count(*)::int as open from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`;
  const counts = await Promise.all(
    [...fleet.stores.values()].map(async (url) => Number((await ask(url, sql))[0]?.["open"])),
  );
  return counts.reduce((total, count) => total + count, 0);
}

async function eventsOf(fleet: Fleet): Promise<Events> {
  const orders = fleet.stores.get("order-db") ?? "";
  const [confirmed, [unfinished], undelivered, mails] = await Promise.all([
    ask(orders, "select id from orders where status = 'confirmed'"),
    ask(orders, "select count(*)::int as count from orders where step <> 'done'"),
    undeliveredOf(orders),
    readHttpRows(`http://127.0.0.1:${fleet.addresses.get("smtp")?.["http"]?.port}/mailbox`, within()),
  ]);
  const orderIds = new Set(confirmed.map(({ id }) => id));
  const mailed = mails.filter(({ subject }) => subject === "order-confirmed").map(({ orderId }) => orderId);
  const mailedIds = new Set(mailed);
  return {
    confirmedOrders: orderIds.size,
    undelivered,
    unfinished: Number(unfinished?.["count"]),
    unmailed: [...orderIds].filter((id) => !mailedIds.has(id)).length,
    // An order may be cancelled after it was confirmed: only what was mailed twice is surely too much.
    mailedTwice: mailed.length - mailedIds.size,
  };
}

/** Deliveries that subscribers are still owed, in whichever form the outbox is kept. */
async function undeliveredOf(orders: string): Promise<number> {
  const [outbox] = await ask(orders, "select to_regclass('outbox_progress') is not null as \"hasProgress\"");
  const sql =
    outbox?.["hasProgress"] === true
      ? "select coalesce(sum(last - delivered), 0)::int as count from outbox_progress"
      : "select count(*)::int as count from outbox_deliveries where delivered_at is null";
  return Number((await ask(orders, sql))[0]?.["count"]);
}

function ask(url: string, sql: string) {
  return readSqlRows(url, sql, within());
}

function within(): AbortSignal {
  return AbortSignal.timeout(10_000);
}
