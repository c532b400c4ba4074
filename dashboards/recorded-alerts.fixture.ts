import { readFileSync } from "node:fs";
import { join } from "node:path";
import { actualTimeline } from "../harness/engine/evidence.ts";
import { readRecordedMetrics, type RecordedMetrics } from "../harness/observe/recorded-metrics.ts";
import { evaluateRules } from "../harness/observe/rule-evaluation.ts";
import { readJournal } from "../harness/record/journal.ts";
import type { RunFolder } from "../harness/record/run-folder.ts";
import { parseAlertRules } from "../harness/target/alert-rules.ts";
import { debianPackages } from "../scripts/peers.ts";
import { experimentScale } from "./burn-rate.ts";
import { ruleSets, shop } from "./generated.ts";
import { alertName } from "./slo-rules.ts";

/**
 * Who is called by the metrics of a finished run: the committed rules, evaluated by `promtool test rules` over the samples that
 * the run has recorded.
 *
 *   … baseline baseline │ baseline │ fault │ recovery
 *     as long as a page's longest window: the run's own baseline, again and again, so that each window is full
 *
 * A run lasts a minute, and production's windows hours. So its samples are told to production's rules 120 times slower, a
 * scrape every two minutes: as experiments' rules are made. Tickets, which look back over three days, are not asked for: a fault
 * of a minute is not one.
 */
export interface PagesOfRun {
  /** Alerts that fired in the baseline. */
  readonly before: readonly string[];
  /** Those that fired from the fault's begin to the load's end. */
  readonly since: readonly string[];
}

const promtool = process.env["PROMTOOL"] ?? "/usr/bin/promtool";
/** A run's scrapes are a second apart: to evaluate more often tells nothing more. */
const scrapeEveryMs = 1_000;

/**
 * @returns by the name of the file of rules
 * @throws when promtool cannot be had, or the run has no fault
 */
export async function pagesOf(run: RunFolder): Promise<Readonly<Record<RuleFile, PagesOfRun>>> {
  debianPackages(["prometheus"], [promtool]);
  const [slo, experiment] = await Promise.all([
    pagesBy("prometheus/slo.rules.yaml", run),
    pagesBy("prometheus/experiment.rules.yaml", run),
  ]);
  return { "prometheus/slo.rules.yaml": slo, "prometheus/experiment.rules.yaml": experiment };
}

type RuleFile = keyof typeof ruleSets;

async function pagesBy(file: RuleFile, run: RunFolder): Promise<PagesOfRun> {
  const { scale, windows } = ruleSets[file];
  const slower = experimentScale / scale;
  const everyMs = scrapeEveryMs * slower;
  const metrics = await readRecordedMetrics(run.scrapes);
  const timeline = actualTimeline(readJournal(run.journal).lines, 0);
  const [baseline, fault] = ["baseline", "fault"].map((name) => timeline.find(({ phase }) => phase === name));
  if (baseline === undefined || fault === undefined) throw new Error("expected a run with a fault");

  const path = join(import.meta.dirname, file);
  const { alerts, groups } = parseAlertRules(readFileSync(path, "utf8"), path);
  const selectors = alerts.flatMap((alert) => alert.selectors);
  const names = shop.slos.map(alertName);
  const { startMs, answers } = await evaluateRules({
    promtool,
    groups,
    everyMs,
    stepMs: (scrapeEveryMs / 10) * slower,
    metrics: slowed(metrics, slower),
    wants: (metric, labels) =>
      selectors.some(
        (selector) =>
          selector.metric === metric &&
          [...selector.equal].every(([label, value]) => labels.get(label) === value),
      ),
    past: {
      startMs: baseline.startMs * slower,
      endMs: baseline.endMs * slower,
      forMs: Math.max(...windows.filter(({ severity }) => severity === "page").map(({ longMs }) => longMs)),
    },
    questions: names.map((name) => `count(ALERTS{alertname="${name}",severity="page",alertstate="firing"})`),
  });
  const firing = (fromMs: number, toMs: number): readonly string[] =>
    names.filter((_, name) =>
      answers[name]?.some((count, index) => {
        const atMs = (startMs + index * everyMs) / slower;
        return count !== null && atMs >= fromMs && atMs < toMs;
      }),
    );
  return {
    before: firing(baseline.startMs, fault.startMs),
    since: firing(fault.startMs, timeline.at(-1)?.endMs ?? fault.endMs),
  };
}

/** The same samples, with that many times as long between them. */
function slowed({ targets, families, everyMs = scrapeEveryMs }: RecordedMetrics, factor: number) {
  const slow = new Map(
    targets.map((target) => [
      target,
      { ...target, scrapes: target.scrapes.map((scrape) => ({ ...scrape, atMs: scrape.atMs * factor })) },
    ]),
  );
  return {
    everyMs: everyMs * factor,
    targets: [...slow.values()],
    families: families.map((family) => ({
      ...family,
      metrics: family.metrics.map((metric) => ({
        ...metric,
        target: slow.get(metric.target) ?? metric.target,
      })),
    })),
  };
}
