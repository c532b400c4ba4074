/**
 * Trace analytics on made-up traces of a shop: how long they take for 100,000 spans and for 16 times as many, and whether
 * blame names the edge that a fault is on, for each kind of edge, and nobody when there is none.
 *
 *   node bench/observe/analytics.ts [--spans 1600000] [--seeds 20] [--seed TEXT]
 *
 * What is timed: spans, as decoded, into traces; every analysis of docs/traces.md over all of them; and blame, between
 * the first half and the second. By processor time, so that what else the machine does counts little; garbage collection
 * counts, on whatever thread. Each size is measured in a process of its own, the first three times, of which the median
 * counts. Exits 1 when a goal is missed. No sockets; about a minute and 3 GB of memory at full size.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import type { Span } from "../../harness/record/span.ts";
import { analyseTraces } from "../../harness/traces/analysis.ts";
import { blame } from "../../harness/traces/blame.ts";
import { prepareTrace, type PreparedTrace } from "../../harness/traces/prepared-trace.ts";
import {
  shopPorts,
  shopTraces,
  type ShopFault,
  type ShopTraces,
} from "../../harness/traces/shop-traces.fixture.ts";
import { createTrace, groupTraces } from "../../harness/traces/trace.ts";
import { atLeast, atMost, goalTable, times, type Goal } from "../goals.ts";
import { median } from "../rounds.ts";

const { values } = parseArgs({
  options: {
    spans: { type: "string", default: "1600000" },
    seeds: { type: "string", default: "20" },
    seed: { type: "string", default: "analytics" },
    measure: { type: "string" },
  },
});
const goalSpans = 100_000;
const goalSeconds = 2;
/** Linear, but for memory that no longer fits into caches and what garbage collection takes to walk it. */
const mostGrowthPerSpan = 1.5;
const mostSpans = Number(values.spans);
const seeds = Number(values.seeds);

interface Figure {
  readonly spans: number;
  readonly traces: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

if (values.measure !== undefined) process.send?.(measure(Number(values.measure)));
else {
  const figures: Figure[] = [];
  for (let spans = goalSpans; spans <= mostSpans; spans *= 4) figures.push(await measureApart(spans));
  console.table(
    figures.map(({ spans, traces, cpuSeconds, wallSeconds }) => ({
      spans,
      traces,
      "cpu s": Number(cpuSeconds.toFixed(2)),
      "wall s": Number(wallSeconds.toFixed(2)),
      "cpu µs a span": Number(((cpuSeconds * 1e6) / spans).toFixed(2)),
    })),
  );
  const goals = [...timeGoals(figures), ...blameGoals()];
  console.log(goalTable(goals));
  process.exitCode = goals.some(({ outcome }) => outcome === "MISSED") ? 1 : 0;
}

function timeGoals(figures: readonly Figure[]): readonly Goal[] {
  const perSpan = ({ cpuSeconds, spans }: Figure): number => cpuSeconds / spans;
  const [first] = figures;
  const last = figures.at(-1);
  if (first === undefined || last === undefined) return [];
  return [
    atMost(
      `all analyses of ${goalSpans.toLocaleString("en-US")} spans, processor time`,
      first.cpuSeconds,
      goalSeconds,
      (seconds) => `${seconds.toFixed(2)} s`,
    ),
    atMost(
      `a span of ${last.spans.toLocaleString("en-US")} against one of ${first.spans.toLocaleString("en-US")}`,
      perSpan(last) / perSpan(first),
      mostGrowthPerSpan,
      times,
    ),
  ];
}

async function measureApart(spans: number): Promise<Figure> {
  const figures: Figure[] = [];
  for (let round = 0; round < (spans === goalSpans ? 3 : 1); round += 1) {
    const child = fork(import.meta.filename, ["--measure", String(spans), "--seed", values.seed], {
      execArgv: ["--max-old-space-size=8192"],
    });
    const [figure] = (await once(child, "message")) as [Figure];
    await once(child, "exit");
    figures.push(figure);
  }
  const middle = median(figures.map(({ cpuSeconds }) => cpuSeconds));
  return figures.find(({ cpuSeconds }) => cpuSeconds === middle) as Figure;
}

function measure(atLeastSpans: number): Figure {
  const spans: Span[] = [];
  const all = shopTraces({ seed: values.seed, traces: Number.POSITIVE_INFINITY });
  while (spans.length < atLeastSpans) for (const span of all.next().value ?? []) spans.push(span);
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const traces = groupTraces(spans, "gateway");
  const prepared = [...traces.values()].map((trace) => prepareTrace(trace, shopPorts));
  const analysis = analyseTraces(prepared, {
    entry: { service: "gateway", client: "client" },
    durationMs: 60_000,
  });
  const half = prepared.length >> 1;
  blame(prepared.slice(0, half), prepared.slice(half));
  const { user, system } = process.cpuUsage(cpu);
  if (analysis.spans !== spans.length) throw new Error(`${analysis.spans} of ${spans.length} spans analysed`);
  return {
    spans: spans.length,
    traces: traces.size,
    cpuSeconds: (user + system) / 1e6,
    wallSeconds: (performance.now() - startedMs) / 1_000,
  };
}

/** Of each kind of edge, slower and failing: how often the edge is named first. And how often anybody is without a fault. */
function blameGoals(): readonly Goal[] {
  const faults: readonly ShopFault[] = [
    { edge: "order -> payment", addedMs: 100 },
    { edge: "order -> payment", failing: 0.3 },
    { edge: "order -> order-db", addedMs: 100 },
    { edge: "order -> order-db", failing: 0.3 },
    { edge: "notification -> smtp", addedMs: 100 },
    { edge: "notification -> smtp", failing: 0.3 },
    { edge: "payment -> gateway-a", addedMs: 100 },
    { edge: "payment -> gateway-a", failing: 0.3 },
  ];
  const whole = (count: number): string => `${count} of ${seeds}`;
  const blamedFirst = (seed: number, fault?: ShopFault): string | undefined =>
    blame(
      shop({ seed: `${values.seed}/${seed}/baseline`, traces: 300 }),
      shop({ seed: `${values.seed}/${seed}/fault`, traces: 450, ...(fault && { fault }) }),
    ).blamed[0]?.place;
  const count = (isSo: (seed: number) => boolean): number =>
    Array.from({ length: seeds }, (_, seed) => seed).filter(isSo).length;
  return [
    ...faults.map((fault) => {
      const what =
        fault.addedMs === undefined ? `${(fault.failing ?? 0) * 100} % fail` : `${fault.addedMs} ms`;
      const right = count((seed) => blamedFirst(seed, fault) === fault.edge);
      return atLeast(`blame names ${fault.edge} first (${what})`, right, seeds, whole);
    }),
    atMost(
      "blame names anybody where nothing changed",
      count((seed) => blamedFirst(seed) !== undefined),
      0,
      whole,
    ),
  ];
}

function shop(options: ShopTraces): readonly PreparedTrace[] {
  return [...shopTraces(options)].map((spans) =>
    prepareTrace(createTrace(spans[0]?.traceId ?? "", spans, "gateway"), shopPorts),
  );
}
