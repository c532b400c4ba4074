import type { Summary } from "../../record/summary.ts";
import { faultEvidence, faultWindowText, incompleteText, loadText, loadTitle, targetText } from "../story.ts";
import { formatUtc } from "../figures.ts";
import { outcomeWords, verdictWords } from "../words.ts";
import { markup, type Markup } from "./markup.ts";
import { tag } from "./tag.ts";
import { traceLink } from "./trace-link.ts";

/** What someone woken at 3 a.m. reads, and no more: the verdict and why, what was done, each objective. */
export function firstScreen(summary: Summary): Markup {
  const { run, verdict } = summary;
  const { sign, word, tone, meaning } = verdictWords[verdict.outcome];
  return markup`
    <div class="top"><span><b>Squall</b> run ${run.id}</span><span>${formatUtc(run.startedAtMs)}</span></div>
    <div class="title"><h1>${summary.title}</h1></div>
    ${alarms(summary)}
    <section class="card verdict ${tone}" aria-label="Verdict">
      <div class="word">
        <span class="sign" aria-hidden="true">${sign}</span><span>${word}</span>
        <span class="code">exit code ${verdict.exitCode}</span>
      </div>
      <p class="headline">${verdict.headline}</p>
      ${verdict.reasons.length > 0 && markup`<ul class="reasons">${verdict.reasons.map((reason) => markup`<li>${reason}</li>`)}</ul>`}
      <p class="meaning">${word}: ${meaning}</p>
    </section>
    ${done(summary)}
    <section class="card" aria-labelledby="objectives">
      <h2 id="objectives">Objectives</h2>
      ${objectives(summary)}
      ${
        summary.description !== undefined &&
        markup`<details class="more"><summary>What this experiment is about</summary><p>${summary.description}</p></details>`
      }
    </section>`;
}

/** What must not be overlooked, whatever the verdict says. */
function alarms(summary: Summary): Markup[] {
  const incomplete = incompleteText(summary);
  const faults = summary.faults.flatMap((fault) => {
    const { kind, tone, text } = faultEvidence(fault);
    if (kind === "felt") return [];
    return [markup`<p class="alarm ${tone}" role="note">${fault.title}. ${text}</p>`];
  });
  return [
    ...(incomplete === undefined ? [] : [markup`<p class="alarm bad" role="note">${incomplete}</p>`]),
    ...faults,
  ];
}

function done(summary: Summary): Markup {
  const faults = summary.faults.flatMap((fault) => [
    markup`<dd class="what">${fault.title}</dd>`,
    markup`<dd>${faultWindowText(fault)}</dd>`,
  ]);
  return markup`
    <dl class="card did">
      <div><dt>Fault</dt>${faults.length === 0 ? markup`<dd>none was planned</dd>` : faults}</div>
      <div><dt>Load</dt><dd>${loadTitle(summary)}</dd><dd>${loadText(summary)}</dd></div>
      <div><dt>Target</dt><dd>${targetText(summary)}</dd><dd>${summary.run.file}</dd></div>
    </dl>`;
}

function objectives(summary: Summary): Markup {
  if (summary.objectives.length === 0) return markup`<p class="soft">No objective was judged.</p>`;
  const items = summary.objectives.map(
    (objective) => markup`
      <li>
        <span>${tag(outcomeWords[objective.outcome])}</span>
        <span class="goal">${objective.title}<span class="why">${objective.why}</span></span>
        <span>${objective.measured}
          <span class="why">${objective.traceIds.slice(0, 3).map((traceId, index) => [index > 0 && " · ", traceLink(summary, traceId)])}</span>
        </span>
      </li>`,
  );
  return markup`<ul class="goals">${items}</ul>`;
}
