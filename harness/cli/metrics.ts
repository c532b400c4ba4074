import { Command } from "commander";
import { statSync } from "node:fs";
import { whenAborted } from "../base/abort.ts";
import { formatAddress, type Address } from "../base/address.ts";
import { SquallError } from "../base/errors.ts";
import { metricsFigures, type MetricsFigures } from "../observe/metrics-figures.ts";
import { openMetricsText } from "../observe/openmetrics-text.ts";
import { findPrometheus, servePrometheus, type PrometheusPrograms } from "../observe/prometheus.ts";
import { readRecordedMetrics, type RecordedMetrics } from "../observe/recorded-metrics.ts";
import { runFolder } from "../record/run-folder.ts";
import { colorsFor, examples, print, printJson, type CommandContext } from "./command-context.ts";
import { findRun } from "./find-run.ts";
import type { Host } from "./host.ts";
import { listenAddress } from "./listen-address.ts";
import { metricsText } from "./metrics-text.ts";
import { pacedOutput } from "./paced-output.ts";

interface MetricsFlags {
  readonly openmetrics?: true;
  readonly serve?: true;
  readonly listen?: Address;
  readonly runs: string;
  readonly json?: true;
}

export function metricsCommand({ host }: CommandContext): Command {
  return new Command("metrics")
    .description("say which metrics a run has kept, give them out, or show them in a Prometheus")
    .argument("<run>", "a run folder, the name of one, or latest")
    .option("--openmetrics", "all of them as OpenMetrics text, which promtool makes blocks of")
    .option("--serve", "start a Prometheus that has them, until Ctrl-C")
    .option(
      "--listen <address>",
      `where that Prometheus listens (default: ${formatAddress(defaultListen)})`,
      listenAddress(formatAddress(defaultListen)),
    )
    .option("--runs <folder>", "where the run folders are", "runs")
    .option("--json", "what there is, as JSON")
    .addHelpText(
      "after",
      examples(
        "squall metrics latest",
        "squall metrics latest --serve",
        "squall metrics latest --openmetrics > run.openmetrics",
      ),
    )
    .action(async (run: string, flags: MetricsFlags) => {
      if (flags.openmetrics === true && flags.serve === true)
        throw new SquallError("SQUALL_USAGE", "expected --openmetrics or --serve, got both");
      const { scrapes } = runFolder(findRun(run, flags.runs));
      const programs = flags.serve === true ? await findPrometheus(programsNamed(host)) : undefined;
      const metrics = await readRecordedMetrics(scrapes);
      if (metrics.targets.length === 0)
        throw new SquallError("SQUALL_FILE", `no metrics were kept in ${scrapes}`, {
          hint: "runs that are older than this file have none that could be opened",
        });
      if (flags.openmetrics === true) {
        const out = pacedOutput(host.stdout);
        for (const piece of openMetricsText(metrics)) if (!(await out.write(piece))) return;
        await out.end();
        return;
      }
      const figures = metricsFigures(metrics, statSync(scrapes).size);
      if (programs !== undefined)
        return serve(host, metrics, figures, { ...programs, listen: flags.listen ?? defaultListen });
      if (flags.json === true) return printJson(host, figures);
      const columns = host.stdout.columns ?? 100;
      print(host.stdout, ...metricsText(figures, { run, colors: colorsFor(host, host.stdout), columns }));
    });
}

const defaultListen: Address = { host: "127.0.0.1", port: 9090 };

/** A scrape may be late, or fail, without its series being absent. */
const lookbackScrapes = 3;

/** Serves until Ctrl-C, or until Prometheus ends by itself. */
async function serve(
  host: Host,
  metrics: RecordedMetrics,
  { startMs, endMs, everyMs = 1_000 }: MetricsFigures,
  programs: PrometheusPrograms & { readonly listen: Address },
): Promise<void> {
  const interrupt = new AbortController();
  const stopListening = host.onSignal((signal) => interrupt.abort(signal));
  try {
    print(host.stderr, "promtool makes blocks of them");
    await using server = await servePrometheus({
      ...programs,
      text: openMetricsText(metrics),
      lookbackMs: lookbackScrapes * everyMs,
      signal: interrupt.signal,
    });
    print(
      host.stdout,
      "a Prometheus has the run's metrics, until Ctrl-C:",
      graphUrl(server.url, { startMs, endMs }),
    );
    await Promise.race([whenAborted(interrupt.signal), server.ended]);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error; // else Ctrl-C came while it was still being made ready
  } finally {
    stopListening();
  }
}

/** Prometheus' page with a run's window in it, and its fault. */
function graphUrl(url: string, { startMs, endMs }: Pick<MetricsFigures, "startMs" | "endMs">): string {
  const query = new URLSearchParams({
    "g0.expr": "chaos_fault_active",
    "g0.tab": "0",
    "g0.range_input": `${Math.ceil((endMs - startMs) / 1_000) + 2}s`,
    "g0.end_input": new Date(endMs + 1_000).toISOString().slice(0, 19).replace("T", " "),
  });
  return `${url}/graph?${query.toString()}`;
}

function programsNamed({ env }: Host): Partial<PrometheusPrograms> {
  const { SQUALL_PROMETHEUS: prometheus = "", SQUALL_PROMTOOL: promtool = "" } = env;
  return { ...(prometheus && { prometheus }), ...(promtool && { promtool }) };
}
