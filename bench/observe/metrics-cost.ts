/**
 * What a service's metrics cost it: processor time of taking a duration down, and of a scrape, with exemplars and without.
 *
 *   node bench/observe/metrics-cost.ts
 */
import { context, trace, TraceFlags } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { Histogram, Registry } from "prom-client";
import { expose } from "../../target-system/service-kit/exposition.ts";
import { latencyBuckets, measureLatency, type Observe } from "../../target-system/service-kit/latency.ts";
import { atMost, goalTable } from "../goals.ts";
import { interleave, median } from "../rounds.ts";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

/** As many as the gateway has after an hour of shoppers. */
const routes = Array.from({ length: 60 }, (_, index) => `/api/part-${index}/:id`);
const metric = {
  name: "latency_seconds",
  help: "Latency.",
  labelNames: ["method", "route", "status"],
} as const;
const observations = 400_000;
const scrapes = 200;

function withoutExemplars(registry: Registry): Observe<"method" | "route" | "status"> {
  const histogram = new Histogram({ ...metric, buckets: latencyBuckets, registers: [registry] });
  return (labels, durationMs) => histogram.observe(labels, durationMs / 1_000);
}

const arms = {
  "no exemplars": { observe: withoutExemplars, isTraced: true, accept: "text/plain" },
  "exemplars, not traced": { observe: tracedHistogram, isTraced: false, accept: "text/plain" },
  exemplars: { observe: tracedHistogram, isTraced: true, accept: "application/openmetrics-text" },
} as const;
type Arm = keyof typeof arms;

function tracedHistogram(registry: Registry): Observe<"method" | "route" | "status"> {
  return measureLatency(registry, metric);
}

interface Cost {
  readonly observeUs: number;
  readonly scrapeMs: number;
}

async function measure(arm: Arm): Promise<Cost> {
  const { observe: make, isTraced, accept } = arms[arm];
  const registry = new Registry();
  const observe = make(registry);
  const observeAll = (): void => {
    for (let n = 0; n < observations; n += 1)
      observe({ method: "GET", route: routes[n % routes.length] ?? "", status: 200 }, n % 2_048);
  };
  const spanContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: TraceFlags.SAMPLED };
  const active = isTraced
    ? trace.setSpan(context.active(), trace.wrapSpanContext(spanContext))
    : context.active();
  const observeUs = (await cpuUs(async () => context.with(active, observeAll))) / observations;
  const scrapeUs = await cpuUs(async () => {
    for (let n = 0; n < scrapes; n += 1) await expose(registry, accept);
  });
  return { observeUs, scrapeMs: scrapeUs / scrapes / 1_000 };
}

async function cpuUs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const names = Object.keys(arms) as readonly Arm[];
const figures = await interleave(names, 5, measure);
const of = (arm: Arm, figure: keyof Cost): number => median(figures[arm].map((cost) => cost[figure]));
for (const arm of names)
  console.log(
    `${arm.padEnd(24)} ${of(arm, "observeUs").toFixed(2)} us an observation, ${of(arm, "scrapeMs").toFixed(2)} ms a scrape of ${routes.length} histograms`,
  );
const added = of("exemplars", "observeUs") - of("no exemplars", "observeUs");
console.log(
  goalTable([
    atMost("an exemplar, beside its observation", added, 2, (us) => `${us.toFixed(2)} us`),
    atMost("a scrape with exemplars", of("exemplars", "scrapeMs"), 5, (ms) => `${ms.toFixed(2)} ms`),
  ]),
);
