import { join } from "node:path";

/**
 * A run folder holds all that is known of one run; every report is made from it alone.
 *
 *   runs/<time>-<name>/
 *     experiment.json      the experiment as resolved: seed, settings, versions, fleet
 *     journal.jsonl        what the engine did, forced to disk before it is done
 *     faults.jsonl         what the proxy told of faults: begun, ended, each call affected
 *     history.jsonl        what the load asked and was told
 *     histograms.jsonl     how long it took, by step and interval of 100 ms
 *     traces.otlp.jsonl    spans as the services sent them, one OTLP/JSON request a line
 *     k6-summary.json      where k6 makes the load: what it summed up itself
 *     stores/<name>.jsonl  the rows of one observation, read after settling
 *     metrics/             what services, proxy and harness said of themselves, each second: scrapes.jsonl.gz; where alerts are
 *                          expected to fire or not, the rules and what came of them: rules.yaml, alerts.json
 *     logs/<service>.jsonl
 *     summary.json, report.html, report.md, junit.xml
 */
export interface RunFolder {
  readonly path: string;
  readonly experiment: string;
  readonly journal: string;
  readonly faults: string;
  readonly history: string;
  readonly histograms: string;
  readonly traces: string;
  readonly k6Summary: string;
  readonly stores: string;
  readonly metrics: string;
  readonly scrapes: string;
  readonly rules: string;
  readonly alerts: string;
  readonly logs: string;
  readonly summary: string;
  readonly html: string;
  readonly markdown: string;
  readonly junit: string;
}

/** The paths within a run folder; touches no disk. */
export function runFolder(path: string): RunFolder {
  return {
    path,
    experiment: join(path, "experiment.json"),
    journal: join(path, "journal.jsonl"),
    faults: join(path, "faults.jsonl"),
    history: join(path, "history.jsonl"),
    histograms: join(path, "histograms.jsonl"),
    traces: join(path, "traces.otlp.jsonl"),
    k6Summary: join(path, "k6-summary.json"),
    stores: join(path, "stores"),
    metrics: join(path, "metrics"),
    scrapes: join(path, "metrics", "scrapes.jsonl.gz"),
    rules: join(path, "metrics", "rules.yaml"),
    alerts: join(path, "metrics", "alerts.json"),
    logs: join(path, "logs"),
    summary: join(path, "summary.json"),
    html: join(path, "report.html"),
    markdown: join(path, "report.md"),
    junit: join(path, "junit.xml"),
  };
}
