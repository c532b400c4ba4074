/**
 * What the shop costs, against its goals: its start, its memory, the processor time of a request, and how they hold for
 * long.
 *
 *   node bench/fleet.ts [--rounds 3] [--quick]
 *   node bench/fleet.ts --soak [--minutes 10] [--rate 200] [--mix shopper]
 *
 * Arms (with spans and without; one process of catalog and two) are whole fleets, started in turns, since what else the
 * machine does falls on all of them then. Processor time suffers least from it, and is told beside what the clock says.
 * Requests are asked for as an open model does, at 20, 60 and 200 a second: where the machine can not do that, the table
 * says how many were answered. --quick takes under a minute on a quiet machine, for a look: one start, 20 a second.
 * --soak lets shoppers come at one rate, and looks for growth, connections that stay, and events that got lost; of the mix
 * "visitors" two processors carry 200 a second.
 * The first start ever is never among what is judged: without Node's compile cache, each process loads what strips types.
 *
 * The fleet's state folder is used, so nothing may be up. Linux only. Exits 1 when a goal is missed.
 */
import { availableParallelism, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { formatDuration } from "../harness/base/units.ts";
import { findLeftovers } from "../harness/runtimes/process/leftovers.ts";
import { loadTarget } from "../harness/target/load-target.ts";
import { costOfRequests, type Asked, type CostOfRequests } from "./fleet/cost-of-requests.ts";
import { startMeasured } from "./fleet/measured-start.ts";
import { byProcess, memoryBytes, parts, processesOf, sum, type ByProcess } from "./fleet/process-figures.ts";
import { catalogs, listingsPerSecond, type Throughput } from "./fleet/replicas.ts";
import { soak } from "./fleet/soak.ts";
import { atLeast, atMost, goalTable, megabytes, notMeasured, times, type Goal } from "./goals.ts";
import { interleave, median, spread } from "./rounds.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    soak: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "200" },
    mix: { type: "string", default: "shopper" },
  },
});
const isQuick = values.quick;
const rounds = Number(values.rounds ?? (isQuick ? 1 : 3));
/** A leak grows with the load; which of a few connections are just kept alive is chance. */
const fewSockets = 10;
/** Measured elsewhere, with services of the same framework and automatic instrumentation. */
const anchor = "elsewhere, Fastify services with automatic instrumentation: 3.8 s and 954 MB";

const shop = loadTarget(join(resolve(import.meta.dirname, ".."), "target-system/target.yaml"));
if (findLeftovers(shop).processes.length > 0) {
  console.error("the shop is up, or something is left of it: squall down, or squall recover, first");
  process.exit(3);
}

const goals: Goal[] = [];
console.log(
  `${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)} before; Node ${process.versions.node}`,
);
if (values.soak) {
  await startMeasured(shop).then((start) => start[Symbol.asyncDispose]()); // fills the compile cache
  await measureSoak();
} else {
  await measureStarts();
  await measureRequests();
  await measureReplicas();
}
console.log(`\nload ${loadavg()[0]?.toFixed(1)} after\n\n${goalTable(goals)}\n${anchor}`);
process.exitCode = goals.some(({ outcome }) => outcome === "MISSED") ? 1 : 0;

async function measureStarts(): Promise<void> {
  const starts = await interleave(
    isQuick ? (["traced"] as const) : (["traced", "untraced"] as const),
    rounds,
    async (arm) => {
      await using start = await startMeasured(shop, { isTraced: arm === "traced" });
      await delay(2_000); // until what is done once has been done
      const { storesMs, servicesMs, cpuMs, ownCpuMs } = start;
      return {
        storesMs,
        servicesMs,
        cpuMs,
        ownCpuMs,
        memory: byProcess(processesOf(start.fleet), memoryBytes),
      };
    },
  );
  for (const arm of ["traced", "untraced"] as const) {
    const figures = starts[arm] ?? [];
    if (figures.length === 0) continue;
    const middle = (figureOf: (figure: (typeof figures)[number]) => number): number =>
      median(figures.map(figureOf));
    title(`start, ${arm}: ${figures.length} times`);
    row("stores", [`ready after ${formatDuration(middle(({ storesMs }) => storesMs))}`]);
    row("services", [`ready ${formatDuration(middle(({ servicesMs }) => servicesMs))} later`]);
    for (const part of [undefined, ...parts])
      row(part ?? "whole", [
        megabytes(middle(({ memory }) => sum(memory, part)) / 1e6),
        `${formatDuration(middle(({ cpuMs }) => sum(cpuMs, part)))} of processor time`,
        part === undefined ? "" : namesOf(figures[0]?.memory, part, (bytes) => (bytes / 1e6).toFixed(0)),
      ]);
    row("who starts it", ["", `${formatDuration(middle(({ ownCpuMs }) => ownCpuMs))} of processor time`]);
    console.log(
      `  noise: rounds lie ${(spread(figures.map(({ servicesMs }) => servicesMs)) * 100).toFixed(0)} % apart`,
    );
    if (arm === "untraced") continue;
    goals.push(
      atMost(
        "services ready after their stores, traced",
        middle(({ servicesMs }) => servicesMs),
        1_200,
        formatDuration,
      ),
      atMost(
        "stores ready, second start",
        middle(({ storesMs }) => storesMs),
        1_500,
        formatDuration,
      ),
      atMost(
        "memory of the whole fleet once ready",
        middle(({ memory }) => sum(memory)) / 1e6,
        700,
        megabytes,
      ),
    );
  }
}

async function measureRequests(): Promise<void> {
  const arms = ["traced", "untraced"] as const;
  const rates = isQuick ? [20] : [20, 60, 200];
  const figures: {
    readonly arm: string;
    readonly what: Asked;
    readonly rate: number;
    readonly cost: CostOfRequests;
  }[] = [];
  for (const arm of arms) {
    await using start = await startMeasured(shop, { isTraced: arm === "traced" });
    for (const rate of rates)
      for (const what of ["product page", "checkout"] as const) {
        const times = { warmUpMs: isQuick ? 1_500 : 5_000, durationMs: isQuick ? 3_000 : 10_000 };
        const cost = await costOfRequests(start.fleet, { what, ratePerSecond: rate, ...times });
        figures.push({ arm, what, rate, cost });
      }
    const memory = byProcess(processesOf(start.fleet), memoryBytes);
    title(`memory after the requests, ${arm}`);
    tellMemory(memory);
    if (arm === "traced")
      goals.push(atMost("memory of the whole fleet after the requests", sum(memory) / 1e6, 700, megabytes));
  }
  for (const what of ["product page", "checkout"] as const) {
    title(`a ${what}: processor time of all processes, in milliseconds a request`);
    for (const { arm, rate, cost } of figures.filter((figure) => figure.what === what)) {
      const share = cost.answered / cost.asked;
      row(`${rate}/s ${arm}`, [
        sum(cost.cpuMs).toFixed(2),
        ...parts.map((part) => `${part} ${sum(cost.cpuMs, part).toFixed(2)}`),
        `p50 ${formatDuration(cost.latency.p50Ms)}, p95 ${formatDuration(cost.latency.p95Ms)}`,
        share >= 0.99 ? "" : `SATURATED: ${Math.round(share * 100)} % answered as they should be`,
      ]);
      console.log(`      ${namesOf(cost.cpuMs, "services", (ms) => ms.toFixed(2))}`);
    }
    const costAt = (arm: string, rate: number | undefined): number =>
      sum(
        figures.find((figure) => figure.what === what && figure.arm === arm && figure.rate === rate)?.cost
          .cpuMs ?? new Map(),
      );
    row("in short", [
      `spans cost ${times(costAt("traced", rates[0]) / costAt("untraced", rates[0]))} at ${rates[0]}/s`,
      ...rates
        .slice(1)
        .map(
          (rate) =>
            `${rate}/s to ${rates[0]}/s: ${times(costAt("traced", rate) / costAt("traced", rates[0]))}`,
        ),
    ]);
  }
}

async function measureReplicas(): Promise<void> {
  const what = "a second replica of catalog";
  const found: Throughput[] = [];
  for (const count of [1, 2]) {
    await using start = await startMeasured(shop, { replicas: { catalog: count } });
    if (catalogs(start.fleet) !== count) {
      goals.push(notMeasured(what, "", "this runtime knows no replicas"));
      return;
    }
    found.push(await listingsPerSecond(start.fleet, isQuick ? 2_000 : 8_000));
  }
  const [one, two] = found;
  title(`${what}: listings a second, 32 connections that always ask`);
  for (const [index, { perSecond, catalogCpus }] of found.entries())
    row(`${index + 1}`, [`${Math.round(perSecond)}/s`, `catalog on ${catalogCpus.toFixed(2)} processors`]);
  row("in short", [
    `${times((two?.perSecond ?? NaN) / (one?.perSecond ?? NaN))} on ${availableParallelism()} processors, which the proxy, the store and who asks need too`,
  ]);
}

async function measureSoak(): Promise<void> {
  const ratePerSecond = Number(values.rate);
  const durationMs = Number(values.minutes) * 60_000;
  await using start = await startMeasured(shop);
  const { mix } = values;
  if (shop.journeys.mixes[mix] === undefined)
    throw new Error(`--mix: expected one of ${Object.keys(shop.journeys.mixes).join(", ")}, got ${mix}`);
  const found = await soak(start.fleet, {
    mix,
    ratePerSecond,
    durationMs,
    onProgress: (message) => console.log(`  ${message}`),
  });
  const share = found.succeeded / found.journeys;
  title(`${ratePerSecond} journeys/s of the mix ${mix} for ${values.minutes} minutes`);
  row("journeys", [
    `${found.load.started} of ${found.load.intended} started, ${found.succeeded} went as they should (${(share * 100).toFixed(2)} %)`,
    `p50 ${formatDuration(found.latency.p50Ms)}, p95 ${formatDuration(found.latency.p95Ms)}`,
    `starts late by ${formatDuration(found.load.health.lateP99Ms)} at p99`,
  ]);
  if (share < 0.99)
    console.log(
      `  this machine does not carry ${ratePerSecond} journeys/s: try a lower --rate for what follows`,
    );
  const quarter = Math.floor(found.memoryBytes.length / 4);
  const during = (samples: readonly ByProcess[], part: (typeof parts)[number]): number =>
    median(samples.map((sample) => sum(sample, part)));
  for (const part of parts) {
    const second = during(found.memoryBytes.slice(quarter, 2 * quarter), part);
    const last = during(found.memoryBytes.slice(-quarter), part);
    row(part, [`${megabytes(second / 1e6)} in the second quarter`, `${megabytes(last / 1e6)} in the last`]);
    // What is outside keeps a record of all that it was ever asked, for whoever checks it afterwards.
    if (part !== "outside world")
      goals.push(atMost(`memory of ${part}, last quarter to second`, last / second, 1.15));
  }
  const { events, storeConnections: connections, socketsBefore, socketsAfter } = found;
  const stayed = new Map(
    [...socketsAfter].map(([process, open]) => [
      process,
      Math.max(0, open - (socketsBefore.get(process) ?? 0)),
    ]),
  );
  row("sockets", [
    `${sum(socketsBefore)} before, ${sum(socketsAfter)} after`,
    parts.map((part) => namesOf(stayed, part, String, 0)).join(" "),
  ]);
  row("stores' connections", [
    `${connections.before} before, ${connections.most} at most, ${connections.after} after`,
  ]);
  row("events", [
    `${events.confirmedOrders} orders confirmed; ${events.undelivered} deliveries open, ${events.unfinished} orders unfinished`,
    `${events.unmailed} without their mail, ${events.mailedTwice} mailed twice`,
  ]);
  const exactly = (value: number): string => String(value);
  goals.push(
    ratePerSecond >= 200
      ? atLeast(
          "journeys that go as they should, at 200/s",
          share,
          0.99,
          (value) => `${(value * 100).toFixed(2)} %`,
        )
      : notMeasured(
          "journeys that go as they should, at 200/s",
          ">= 99.00 %",
          `asked for ${ratePerSecond}/s`,
        ),
    atMost(
      "sockets that stay open, in processes that have more than before",
      sum(stayed),
      fewSockets,
      exactly,
    ),
    atMost("connections to stores that stay open", connections.after - connections.before, 0, exactly),
    atMost("events that were not delivered", events.undelivered, 0, exactly),
    atMost("orders that were not finished", events.unfinished, 0, exactly),
    atMost("confirmed orders without exactly one mail", events.unmailed + events.mailedTwice, 0, exactly),
  );
}

function tellMemory(memory: ByProcess): void {
  row("whole", [megabytes(sum(memory) / 1e6)]);
  for (const part of parts)
    row(part, [
      megabytes(sum(memory, part) / 1e6),
      namesOf(memory, part, (bytes) => (bytes / 1e6).toFixed(0)),
    ]);
}

/** The processes of a part with their figures, those above `beyond`. */
function namesOf(
  figures: ByProcess | undefined,
  part: (typeof parts)[number],
  format: (figure: number) => string,
  beyond = -1,
): string {
  return [...(figures ?? [])]
    .filter(([process, figure]) => process.part === part && figure > beyond)
    .map(([{ name }, figure]) => `${name} ${format(figure)}`)
    .join(", ");
}

function title(text: string): void {
  console.log(`\n${text}`);
}

function row(name: string, cells: readonly string[]): void {
  console.log(`  ${name.padEnd(20)}${cells.map((cell) => `${cell}  `.padEnd(24)).join("")}`.trimEnd());
}
