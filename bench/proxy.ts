/**
 * What the proxy costs, side by side in one run with Toxiproxy, nginx's `stream` and no proxy at all, against the goals.
 *
 *   node bench/proxy.ts [--rounds 5] [--quick] [--grow]
 *
 *   wrk (1 thread) ─→ direct | nginx stream | toxiproxy-server | ours ─→ nginx (1 process; answers two bytes)
 *
 * Each arm is a process of its own and is measured once a round, in turns; a ratio is the median over the rounds of the
 * ratio within a round. What a proxy adds on one connection is less than the machine's own noise from one second to the
 * next: there the arms are asked in turns of some milliseconds. The excess of the latency toxic is counted from what the
 * same proxy takes without it. How far the rounds of the direct arm lie apart is the machine's noise. Processor time is
 * that of the proxy's process alone, for one request, and suffers least from what else the machine does. Needs root where
 * nginx and wrk are to be installed. --quick takes about half a minute, for a look; --grow adds how cost grows with
 * proxies and toxics. Exits 1 when a goal is missed or was not measured.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { proportionalSetSizeBytes } from "../harness/runtimes/process/memory.ts";
import { toxiproxyVersion } from "../scripts/peers.ts";
import { installBenchPeers } from "./proxy/peers.ts";
import { cpuUs, stopAll } from "./proxy/child-process.ts";
import {
  addedMilliseconds,
  atLeast,
  atMost,
  goalTable,
  megabytes,
  milliseconds,
  notMeasured,
  percent,
  type Goal,
} from "./goals.ts";
import { interleave, median, medianOfPairs, spread } from "./rounds.ts";
import { alternate, type Latency } from "./proxy/alternate.ts";
import { startSquall, startToxiproxy, type ToxicServer } from "./proxy/toxic-server.ts";
import { bulkMBs, openIdle, pacedKBs } from "./proxy/transfer.ts";
import { bulkBytes, startNginxStream, startWeb } from "./proxy/web.ts";
import { createLoad, type LoadFigures } from "./proxy/wrk.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    grow: { type: "boolean", default: false },
  },
});
const isQuick = values.quick;
const rounds = Number(values.rounds ?? (isQuick ? 2 : 5));
const durationS = isQuick ? 1 : 2;

const arms = ["direct", "nginx", "toxiproxy", "ours"] as const;
const servers = ["toxiproxy", "ours"] as const;
type Arm = (typeof arms)[number];

/** Where the direct arm's own requests a second lie further apart than this, the goals' outcome is chance. */
const judgeableNoise = 0.3;

const goals: Goal[] = [];
const folder = mkdtempSync(join(tmpdir(), "squall-bench-"));
try {
  const peers = installBenchPeers();
  const load = createLoad(peers.wrk, folder);
  const web = await startWeb(peers, folder);
  const nginx = await startNginxStream(peers, folder, web.port);
  const toxiproxy = await startToxiproxy(peers);
  const ours = await startSquall();
  const byServer = { toxiproxy, ours };
  const ports = {
    direct: web.port,
    nginx: nginx.port,
    toxiproxy: await toxiproxy.proxyTo(web.port, "web"),
    ours: await ours.proxyTo(web.port, "web"),
  };
  const pids = { direct: undefined, nginx: nginx.pid, toxiproxy: toxiproxy.pid, ours: ours.pid };
  console.log(
    `${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)} before; ${rounds} rounds of ${durationS} s;` +
      ` toxiproxy-server ${toxiproxyVersion}, Node ${process.versions.node}`,
  );

  const measure = (connections: number) => async (arm: Arm) => {
    const pid = pids[arm];
    const beforeUs = pid === undefined ? undefined : cpuUs(pid);
    const figures = await load({ port: ports[arm], connections, durationS });
    const afterUs = pid === undefined ? undefined : cpuUs(pid);
    const cpu =
      beforeUs === undefined || afterUs === undefined ? NaN : (afterUs - beforeUs) / figures.requests;
    return { ...figures, cpuUs: cpu };
  };
  const byPerSecond = (one: LoadFigures, other: LoadFigures) => one.perSecond / other.perSecond;

  title("requests a second, 32 kept-alive connections");
  const many = await interleave(arms, rounds, measure(32));
  for (const arm of arms) {
    const figures = many[arm];
    row(arm, [
      `${Math.round(median(figures.map(({ perSecond }) => perSecond)))}/s`,
      `p50 ${milliseconds(median(figures.map(({ p50Ms }) => p50Ms)))}`,
      `p99 ${milliseconds(median(figures.map(({ p99Ms }) => p99Ms)))}`,
      arm === "direct"
        ? ""
        : `${median(figures.map(({ cpuUs }) => cpuUs)).toFixed(1)} µs processor a request`,
    ]);
  }
  const noiseRatio = noise(many.direct.map(({ perSecond }) => perSecond));
  goals.push(
    atLeast(
      "requests/s, 32 connections, to Toxiproxy's",
      medianOfPairs(many.ours, many.toxiproxy, byPerSecond),
      1.05,
    ),
    atLeast(
      "requests/s, 32 connections, to nginx stream's",
      medianOfPairs(many.ours, many.nginx, byPerSecond),
      0.85,
    ),
  );

  title("added latency, one connection an arm, asked in turns");
  await alternate(ports, 20); // to warm up
  const inTurns: Readonly<Record<Arm, Latency>>[] = [];
  for (let round = 0; round < rounds; round += 1) inTurns.push(await alternate(ports, isQuick ? 60 : 300));
  const took = (arm: Arm, percentile: keyof Latency) => inTurns.map((figures) => figures[arm][percentile]);
  const added = (arm: Arm, percentile: keyof Latency) =>
    inTurns.map((figures) => figures[arm][percentile] - figures.direct[percentile]);
  row("direct", [
    `p50 ${milliseconds(median(took("direct", "p50Ms")))}`,
    `p99 ${milliseconds(median(took("direct", "p99Ms")))}`,
  ]);
  for (const arm of ["nginx", "toxiproxy", "ours"] as const)
    row(arm, [
      `p50 ${addedMilliseconds(median(added(arm, "p50Ms")))}`,
      `p99 ${addedMilliseconds(median(added(arm, "p99Ms")))}`,
    ]);
  noise(took("direct", "p50Ms"));
  for (const [percentile, limit] of [
    ["p50Ms", 0.6],
    ["p99Ms", 0.9],
  ] as const)
    goals.push(
      atMost(
        `added latency, ${percentile.slice(0, 3)}, to Toxiproxy's`,
        medianOfPairs(added("ours", percentile), added("toxiproxy", percentile), ratio),
        limit,
      ),
    );

  title("bulk, one connection");
  const bulk = await interleave(arms, rounds, (arm) =>
    bulkMBs(ports[arm], isQuick ? bulkBytes / 4 : bulkBytes),
  );
  for (const arm of arms) row(arm, [`${Math.round(median(bulk[arm]))} MB/s`]);
  noise(bulk.direct);
  goals.push(
    atLeast("bulk, one connection, to Toxiproxy's", medianOfPairs(bulk.ours, bulk.toxiproxy, ratio), 1.2),
  );

  title(
    "latency toxic of 20 ms: what it adds beyond 20 ms, at p50, connections asking at the same pace in every arm",
  );
  const late = {} as Record<(typeof servers)[number], number>;
  for (const name of servers) {
    late[name] = await byServer[name].proxyTo(web.port, "late");
    await mustAdd(byServer[name], "late", { type: "latency", attributes: { latency: 20 } });
  }
  for (const connections of [4, 64]) {
    const without = (arm: "direct" | "toxiproxy" | "ours") =>
      load({ port: ports[arm], connections, durationS, pauseMs: 20 });
    const figures = await interleave(["direct", ...servers] as const, rounds, async (arm) => ({
      withoutMs: (await without(arm)).p50Ms,
      beyondMs:
        arm === "direct"
          ? NaN
          : (await load({ port: late[arm], connections, durationS, pauseMs: 0 })).p50Ms - 20,
    }));
    const excessMs = (name: (typeof servers)[number]) =>
      figures[name].map(({ beyondMs, withoutMs }) => beyondMs - withoutMs);
    row("direct", [
      `${connections} connections`,
      `answers in ${milliseconds(median(figures.direct.map(({ withoutMs }) => withoutMs)))}`,
    ]);
    for (const name of servers)
      row(name, [
        `${connections} connections`,
        `answers in ${milliseconds(median(figures[name].map(({ withoutMs }) => withoutMs)))}`,
        `with the toxic in 20 ms ${addedMilliseconds(median(figures[name].map(({ beyondMs }) => beyondMs)))}`,
        `excess ${addedMilliseconds(median(excessMs(name)))}`,
      ]);
    goals.push(
      atMost(
        `latency toxic, ${connections} connections, excess p50`,
        median(excessMs("ours")),
        0.3,
        milliseconds,
      ),
      atMost(
        `latency toxic, ${connections} connections, with the hop, to Toxiproxy's`,
        medianOfPairs(figures.ours, figures.toxiproxy, (one, other) => one.beyondMs / other.beyondMs),
        1,
      ),
    );
  }

  title("one HTTP fault that matches nothing, to none: requests a second, 32 connections");
  const watched = await ours.proxyTo(web.port, "watched");
  const faultGoal = "requests/s with an HTTP fault, to none";
  if (
    await ours.addToxic("watched", {
      type: "http_status",
      attributes: { status: 503, match: { path: "/never" } },
    })
  ) {
    const figures = await interleave(["none", "fault"] as const, rounds, async (which) => {
      const beforeUs = cpuUs(ours.pid) ?? NaN;
      const port = which === "none" ? ports.ours : watched;
      const seen = await load({ port, connections: 32, durationS });
      return { ...seen, cpuUs: ((cpuUs(ours.pid) ?? NaN) - beforeUs) / seen.requests };
    });
    for (const which of ["none", "fault"] as const)
      row(which, [
        `${Math.round(median(figures[which].map(({ perSecond }) => perSecond)))}/s`,
        `${median(figures[which].map(({ cpuUs }) => cpuUs)).toFixed(1)} µs processor a request`,
      ]);
    goals.push(atLeast(faultGoal, medianOfPairs(figures.fault, figures.none, byPerSecond), 0.6));
  } else goals.push(notMeasured(faultGoal, ">= 0.60x", "this server knows no http_status"));

  title(`bandwidth toxic over ${isQuick ? 2 : 5} s`);
  const ratesKBs = [100, 1_000, 20_000];
  for (const name of servers) {
    const paced = await Promise.all(
      ratesKBs.map(async (rate) => {
        const port = await byServer[name].proxyTo(web.port, `paced-${rate}`);
        await mustAdd(byServer[name], `paced-${rate}`, { type: "bandwidth", attributes: { rate } });
        return (await pacedKBs(port, isQuick ? 2_000 : 5_000)) / rate - 1;
      }),
    );
    row(
      name,
      paced.map((off, index) => `${ratesKBs[index]} KB/s: ${percent(off)} off`),
    );
    if (name === "ours")
      goals.push(
        atMost(
          "bandwidth toxic, furthest off",
          Math.max(...paced.map((off) => Math.abs(off))),
          0.03,
          percent,
        ),
      );
  }

  title("memory for 1,000 idle connections, above empty");
  const idle = {} as Record<(typeof servers)[number], number>;
  for (const name of servers) {
    const server = await (name === "ours" ? startSquall() : startToxiproxy(peers));
    const port = await server.proxyTo(web.port, "idle");
    await delay(500);
    const emptyBytes = proportionalSetSizeBytes([server.pid]) ?? NaN;
    using _connections = await openIdle(port, 1_000);
    await delay(500);
    idle[name] = ((proportionalSetSizeBytes([server.pid]) ?? NaN) - emptyBytes) / 1e6;
    row(name, [`${megabytes(idle[name])} above ${megabytes(emptyBytes / 1e6)}`]);
    await server.stop();
  }
  goals.push(atMost("memory for 1,000 idle connections", idle.ours, 60, megabytes));

  if (values.grow) {
    title("cost by proxies: requests a second of one of them, 32 connections");
    for (const count of [1, 100, 1_000]) {
      const figures = await Promise.all(
        servers.map(async (name) => {
          const server = await (name === "ours" ? startSquall() : startToxiproxy(peers));
          const startedMs = performance.now();
          let port = 0;
          for (let index = 0; index < count; index += 1)
            port = await server.proxyTo(web.port, `web-${index}`);
          const madeMs = performance.now() - startedMs;
          return { name, server, port, madeMs };
        }),
      );
      const byName = Object.fromEntries(figures.map((figure) => [figure.name, figure]));
      const perSecond = await interleave(servers, Math.min(3, rounds), async (name) => {
        const { perSecond } = await load({ port: byName[name]?.port ?? 0, connections: 32, durationS });
        return perSecond;
      });
      for (const { name, server, madeMs } of figures) {
        const bytes = proportionalSetSizeBytes([server.pid]) ?? NaN;
        row(name, [
          `${count} proxies`,
          `made in ${Math.round(madeMs)} ms`,
          `${Math.round(median(perSecond[name]))}/s`,
          megabytes(bytes / 1e6),
        ]);
        await server.stop();
      }
    }

    title("cost by toxics in a chain (noop): requests a second, 32 connections");
    for (const count of [0, 1, 4, 16]) {
      const chained = {} as Record<(typeof servers)[number], number>;
      for (const name of servers) {
        chained[name] = await byServer[name].proxyTo(web.port, `chain-${count}`);
        for (let index = 0; index < count; index += 1)
          await mustAdd(byServer[name], `chain-${count}`, { type: "noop", name: `noop-${index}` });
      }
      const perSecond = await interleave(servers, Math.min(3, rounds), async (name) => {
        const { perSecond } = await load({ port: chained[name], connections: 32, durationS });
        return perSecond;
      });
      for (const name of servers) row(name, [`${count} toxics`, `${Math.round(median(perSecond[name]))}/s`]);
    }
  }

  console.log(`\nload ${loadavg()[0]?.toFixed(1)} after\n\n${goalTable(goals)}`);
  if (noiseRatio > judgeableNoise)
    console.log(
      `\nthe machine was busy: with rounds of the direct arm ${percent(noiseRatio)} apart only processor time and memory say much`,
    );
  process.exitCode = goals.every(({ outcome }) => outcome === "met") ? 0 : 1;
} finally {
  await stopAll();
  rmSync(folder, { recursive: true });
}

function title(text: string): void {
  console.log(`\n${text}`);
}

function row(name: string, cells: readonly string[]): void {
  console.log(`  ${name.padEnd(12)}${cells.map((cell) => `${cell}  `.padEnd(24)).join("")}`.trimEnd());
}

function noise(direct: readonly number[]): number {
  const apart = spread(direct);
  console.log(`  noise: rounds of the direct arm lie ${percent(apart)} apart`);
  return apart;
}

function ratio(one: number, other: number): number {
  return one / other;
}

async function mustAdd(server: ToxicServer, proxy: string, toxic: unknown): Promise<void> {
  if (!(await server.addToxic(proxy, toxic))) throw new Error(`unknown toxic: ${JSON.stringify(toxic)}`);
}
