import { formatDuration, formatSize } from "../../base/units.ts";
import type { Summary } from "../../record/summary.ts";
import { formatCounted, formatUtc } from "../figures.ts";
import { loadText, loadTitle, targetText, telemetryText } from "../story.ts";
import { markup, type Markup } from "./markup.ts";

/** Squall's own driver leaves them; k6 leaves a summary. */
const histograms = "histograms.jsonl";
const k6Summary: File = ["k6-summary.json", "what k6 summed up itself; its log is logs/k6.jsonl"];

type File = readonly [name: string, what: string];

const files: readonly File[] = [
  ["experiment.json", "the experiment as it was resolved: seed, settings, versions, fleet"],
  ["journal.jsonl", "what the engine did, in order"],
  ["faults.jsonl", "what the proxy told of faults, each affected call with its trace"],
  ["history.jsonl", "what each client asked and was told"],
  [histograms, "how long it took, by step and tenth of a second"],
  [
    "traces.otlp.jsonl",
    "every span; open Jaeger's UI, choose Search, then Upload, and drop this file there as it is",
  ],
  ["stores/", "the rows the invariants were checked on"],
  ["metrics/, logs/", "what the services said of themselves"],
  ["summary.json", "all figures of this page, for a machine"],
  ["report.md, junit.xml", "the same for a pull request and for CI"],
];

/** What it takes to see the same again, and how much of the run was seen at all. */
export function repeatSection(summary: Summary): Markup {
  const { run } = summary;
  const { squall, node, platform } = run.versions;
  return markup`
    <section class="card" aria-labelledby="repeat">
      <h2 id="repeat">How to repeat this run</h2>
      <pre class="command mono">${run.command}</pre>
      <dl class="facts">
        <dt>Seed</dt><dd><code>${run.seed}</code>: the same seed gives the same arrivals and choices</dd>
        <dt>Experiment</dt><dd>${run.file}</dd>
        <dt>Target</dt><dd>${targetText(summary)}</dd>
        <dt>Load</dt><dd>${loadTitle(summary)}: ${loadText(summary)}</dd>
        <dt>Telemetry</dt><dd>${telemetryText(summary)}</dd>
        <dt>Ran</dt><dd>${formatUtc(run.startedAtMs)}, for ${formatDuration(run.endedAtMs - run.startedAtMs)} in all</dd>
        <dt>Versions</dt><dd>Squall ${squall}, Node ${node}, ${platform}</dd>
        <dt>Machine</dt><dd>${formatCounted(run.machine.cpus, "processor")}, ${formatSize(run.machine.memoryBytes)} of memory</dd>
      </dl>
      <h3>In the run folder</h3>
      <dl class="facts">${filesOf(summary).map(([name, what]) => markup`<dt><code>${name}</code></dt><dd>${what}</dd>`)}</dl>
    </section>`;
}

function filesOf({ load }: Summary): readonly File[] {
  if (load.k6 === undefined) return files;
  return files.map((file) => (file[0] === histograms ? k6Summary : file));
}
