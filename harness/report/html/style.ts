/**
 * The page's one style sheet. Colours have jobs: violet is what Squall did (the fault), red is what failed, green what
 * held, amber what nobody knows. Every colour that carries meaning is doubled by a word or a sign.
 */
export const style = `
:root {
  color-scheme: light;
  --ink: #17212c; --soft: #51606e; --line: #d8dfe6; --paper: #f4f6f8; --card: #ffffff; --track: #e9edf1;
  --good: #0b7344; --good-wash: #e2f5eb; --bad: #b3261e; --bad-wash: #fdeae8; --warn: #855400; --warn-wash: #fff2d1;
  --stop: #9a3f06; --stop-wash: #ffeadb; --fault: #6236c9; --fault-wash: #efe9fd; --fault-band: #6236c91f;
  --link: #0b5cad; --curve: #1d5fa8; --curve2: #0b7344;
  --s0: #3f74b5; --s1: #2f8f83; --s2: #9a6a1b; --s3: #8a4fa3; --s4: #b0567f; --s5: #55803a; --s6: #6a6fb8; --s7: #7b6b5d;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    color-scheme: dark;
    --ink: #e7edf3; --soft: #a3b1bf; --line: #2c3844; --paper: #0e141a; --card: #161e27; --track: #222d38;
    --good: #56cf95; --good-wash: #10291e; --bad: #ff8a80; --bad-wash: #371a1b; --warn: #e8b949; --warn-wash: #2e2610;
    --stop: #ffa568; --stop-wash: #351f10; --fault: #b9a0ff; --fault-wash: #261d3f; --fault-band: #b9a0ff2e;
    --link: #7cb7f5; --curve: #7cb7f5; --curve2: #56cf95;
    --s0: #6fa4e3; --s1: #4dbcae; --s2: #d09c45; --s3: #c388dd; --s4: #e28bb2; --s5: #8cbc6c; --s6: #9da2ee; --s7: #b5a28f;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif; overflow-wrap: break-word; }
main, header, footer { max-width: 1160px; margin: 0 auto; padding: 0 20px; }
h1, h2, h3, p, ul, ol, dl, dd, figure { margin: 0; padding: 0; }
h1 { font-size: 25px; line-height: 1.25; text-wrap: balance; }
h2 { font-size: 19px; margin: 0 0 4px; }
h3 { font-size: 15px; margin: 18px 0 6px; }
ul, ol { list-style: none; }
a { color: var(--link); text-underline-offset: 2px; }
code, .mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; font-size: .92em; overflow-wrap: anywhere; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
.edge { white-space: nowrap; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.good { --tone: var(--good); --wash: var(--good-wash); }
.bad { --tone: var(--bad); --wash: var(--bad-wash); }
.warn { --tone: var(--warn); --wash: var(--warn-wash); }
.stop { --tone: var(--stop); --wash: var(--stop-wash); }
.fault { --tone: var(--fault); --wash: var(--fault-wash); }
.tag { display: inline-block; padding: 1px 9px; border-radius: 99px; background: var(--wash); color: var(--tone); font-weight: 650; font-size: 13px; white-space: nowrap; }
.tag b { display: inline-block; min-width: 1em; text-align: center; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 20px 22px; margin: 0 0 16px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; background: var(--card); padding: 8px; }

/* first screen */
.top { display: flex; flex-wrap: wrap; gap: 2px 16px; justify-content: space-between; padding-top: 16px; font-size: 13px; color: var(--soft); }
.top b { color: var(--ink); letter-spacing: .02em; }
.title { padding: 8px 0 14px; }
.verdict { border: 1px solid var(--tone); border-left-width: 10px; background: var(--wash); padding: 16px 20px 18px; }
.verdict .word { display: flex; align-items: center; gap: 12px; flex-wrap: wrap; color: var(--tone); font-size: 38px; line-height: 1.1; font-weight: 780; letter-spacing: -.01em; }
.verdict .sign { display: inline-grid; place-items: center; width: 42px; height: 42px; border-radius: 50%; background: var(--tone); color: var(--card); font-size: 25px; flex: none; }
.verdict .code { font-size: 13px; font-weight: 500; letter-spacing: 0; color: var(--soft); margin-left: auto; }
.verdict .headline { font-size: 18px; font-weight: 600; line-height: 1.35; margin-top: 10px; text-wrap: pretty; }
.verdict .reasons { margin: 8px 0 0 18px; list-style: disc; }
.verdict .meaning { margin-top: 8px; font-size: 13px; color: var(--soft); }
.alarm { border: 1px solid var(--tone); border-left: 10px solid var(--tone); background: var(--wash); border-radius: 12px; padding: 12px 18px; margin: 0 0 16px; font-weight: 600; }
.did { display: grid; grid-template-columns: 2.1fr 1.2fr 1.4fr; gap: 0; padding: 0; }
.did > div { padding: 14px 20px; border-left: 1px solid var(--line); }
.did > div:first-child { border-left: 0; }
.did dt { font-size: 12px; color: var(--soft); text-transform: uppercase; letter-spacing: .06em; font-weight: 600; }
.did dd { font-weight: 600; }
.did dd + dd { font-weight: 400; font-size: 13px; color: var(--soft); }
.did .what { color: var(--fault); }
.goals li { display: grid; grid-template-columns: 138px minmax(0, 1.25fr) minmax(0, 1fr); gap: 2px 16px; padding: 10px 0; border-top: 1px solid var(--line); align-items: baseline; }
.goals li:first-child { border-top: 0; }
.goals .goal { font-weight: 600; }
.goals .why { display: block; font-weight: 400; font-size: 13px; color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 2px 0 16px; font-size: 14px; }

/* tables */
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 10px; }
caption { text-align: left; color: var(--soft); font-size: 13px; padding-bottom: 4px; }
th, td { padding: 5px 12px 5px 0; text-align: left; border-top: 1px solid var(--line); vertical-align: top; font-weight: 400; }
thead th { border-top: 0; color: var(--soft); font-size: 12.5px; font-weight: 600; vertical-align: bottom; }
th:last-child, td:last-child { padding-right: 0; }
th.num { text-align: right; }
tbody th { font-weight: 600; }
tbody th.phase { font-weight: 400; }
tr.in-fault th.phase { font-weight: 600; color: var(--fault); }
.phases th.phase, .phases thead th:nth-child(2) { padding-left: 8px; }
.phases tr > :last-child { padding-right: 8px; }
tr.in-fault td, tr.in-fault th.phase { background: var(--fault-wash); }
tr.broken > * { background: var(--fault-wash); }
tr.start > * { border-top: 2px solid var(--line); }
.radius th { width: 22%; }
.radius td { width: 39%; }
.radius + .finding { margin-top: 22px; }
.hurt { color: var(--bad); font-weight: 650; }

/* charts */
.chart { display: grid; grid-template-columns: 58px minmax(0, 1fr); gap: 0 8px; font-size: 12px; color: var(--soft); margin-top: 12px; }
.chart .name { grid-column: 1 / -1; font-weight: 600; color: var(--ink); font-size: 13px; margin-top: 10px; }
.chart .name span { font-weight: 400; color: var(--soft); }
.chart .axis { display: flex; flex-direction: column; justify-content: space-between; text-align: right; line-height: 1; font-variant-numeric: tabular-nums; }
svg { display: block; }
svg text { fill: var(--soft); font-size: 12px; }
.chart svg { width: 100%; overflow: visible; }
.chart .plot { background: var(--card); }
.grid { stroke: var(--line); stroke-width: 1; }
.band { fill: var(--fault-band); }
.border { stroke: var(--fault); stroke-width: 1.5; stroke-dasharray: 4 3; }
.fired { fill: var(--bad); fill-opacity: .16; }
.threshold { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 6 4; }
.curve { fill: none; stroke: var(--curve); stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
.curve.ok { stroke: var(--curve2); }
.hover { fill: transparent; }
.hover:hover { fill: var(--ink); fill-opacity: .08; }
.phase-warmup, .phase-baseline, .phase-recovery { fill: var(--track); }
.phase-fault { fill: var(--fault-wash); }
.divider { stroke: var(--card); stroke-width: 2; }
.on-fault { fill: var(--fault); font-weight: 650; }
.mark { fill: var(--tone); }
.mark-line { stroke: var(--tone); stroke-width: 1; }
.mark-number { fill: var(--card); font-weight: 700; font-size: 11px; text-anchor: middle; }
.events { margin-top: 10px; font-size: 14px; display: grid; gap: 3px; }
.events li { display: grid; grid-template-columns: 22px 62px minmax(0, 1fr); gap: 8px; align-items: baseline; }
.events .dot { display: inline-grid; place-items: center; width: 18px; height: 18px; border-radius: 50%; background: var(--tone); color: var(--card); font-size: 11px; font-weight: 700; }
.multiples { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 14px 22px; margin-top: 12px; }
.multiples figcaption { font-size: 13px; display: flex; justify-content: space-between; gap: 8px; }
.multiples figcaption b { font-weight: 650; }
.multiples svg { width: 100%; overflow: visible; }
.multiples .row { display: grid; grid-template-columns: 1fr; font-size: 11.5px; color: var(--soft); margin-top: 3px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 13px; color: var(--soft); margin-top: 8px; }
.key svg { display: inline-block; vertical-align: middle; margin-right: 5px; }

/* graph */
.graph { margin-top: 12px; }
.graph svg { width: 100%; height: auto; }
.graph.across { display: block; }
.graph.down { display: none; }
.node rect { fill: var(--card); stroke: var(--soft); stroke-width: 1.2; }
.node text { fill: var(--ink); font-size: 13px; font-weight: 600; }
.node .kind { font-size: 10.5px; font-weight: 400; fill: var(--soft); }
.node.outside rect { stroke-dasharray: 4 3; }
.node.client rect { fill: var(--track); }
.node.store rect, .node.store path { fill: var(--track); stroke: none; }
.node.store text { font-size: 11px; font-weight: 500; }
.node.store .cylinder { fill: none; stroke: var(--soft); stroke-width: 1.2; }
.link path { fill: none; stroke: var(--soft); stroke-opacity: .6; stroke-width: 1.3; }
.link .tip { fill: var(--soft); stroke: none; fill-opacity: .75; }
.link.idle path { stroke-dasharray: 2 4; stroke-opacity: .45; }
.link.undeclared path { stroke: var(--warn); stroke-width: 2; stroke-opacity: 1; stroke-dasharray: 6 4; }
.link.undeclared .tip { fill: var(--warn); fill-opacity: 1; }
.link.some path { stroke: var(--warn); stroke-width: 2; stroke-opacity: 1; }
.link.some .tip { fill: var(--warn); fill-opacity: 1; }
.link.many path { stroke: var(--bad); stroke-width: 3; stroke-opacity: 1; }
.link.many .tip { fill: var(--bad); fill-opacity: 1; }
.link.broken path { stroke: var(--fault); stroke-width: 5; stroke-opacity: 1; stroke-dasharray: none; }
.link.broken .tip { fill: var(--fault); fill-opacity: 1; }
.link path.reach, .link.broken path.reach { stroke: transparent; stroke-width: 14; stroke-opacity: 1; }
.link .tip, .link.broken .tip, .link.some .tip, .link.many .tip, .link.undeclared .tip { stroke: none; }
.label rect { fill: var(--card); stroke: var(--tone); stroke-width: 1.2; }
.label text { fill: var(--tone); font-size: 12px; font-weight: 700; text-anchor: middle; }
.label.fault rect { fill: var(--fault); stroke: var(--fault); }
.label.fault text { fill: var(--card); }
.label.fault path { fill: var(--card); }

/* details, traces */
details > summary { cursor: pointer; }
details.more { margin-top: 12px; }
details.more > summary { color: var(--link); font-size: 14px; }
.finding { border-top: 1px solid var(--line); padding: 10px 0; }
.finding:first-of-type { border-top: 0; }
.finding .head { display: grid; grid-template-columns: 138px minmax(0, 1fr) auto; gap: 2px 16px; align-items: baseline; }
.anomaly table { width: auto; }
.anomaly td, .anomaly th { padding-right: 28px; }
.finding h3 { margin-top: 4px; }
.finding .id { display: block; }
.anomaly { border-left: 3px solid var(--bad); padding: 2px 0 2px 14px; margin: 10px 0 0; }
.trace { border-top: 1px solid var(--line); padding: 10px 0; }
.trace:first-of-type { border-top: 0; }
.trace > summary { line-height: 1.5; }
.trace > summary b { font-weight: 650; }
.trace .anchor { scroll-margin-top: 70px; padding-top: 4px; }
.trace .anchor:target { outline: 2px solid var(--link); outline-offset: 6px; border-radius: 4px; }
.falls { margin-top: 8px; font-size: 13px; }
.falls li { display: grid; grid-template-columns: minmax(0, 40%) minmax(0, 1fr) 62px; gap: 0 10px; align-items: center; padding: 1px 0; }
.falls li.scale { color: var(--soft); font-size: 12px; }
.falls .who { display: flex; gap: 6px; min-width: 0; align-items: baseline; }
.falls .who > span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.falls .who .service { font-weight: 650; flex: none; max-width: 60%; }
.falls .note { grid-column: 2 / -1; font-size: 12.5px; }
.falls svg { width: 100%; overflow: visible; }
.falls .took { font-size: 12.5px; }
.falls .failed .who, .falls .failed .took, .falls .failed .note { color: var(--bad); }
.falls .failed rect { stroke: var(--bad); stroke-width: 2; }
.falls .over-fault .crosses { color: var(--fault); font-weight: 650; }
.indent { flex: none; }
${Array.from({ length: 13 }, (_, depth) => `.d${depth} .indent { width: ${depth * 10}px; }`).join("\n")}
${Array.from({ length: 8 }, (_, index) => `.s${index} { --service: var(--s${index}); }`).join("\n")}
.bar { fill: var(--service); }
.swatch { display: inline-block; width: 9px; height: 9px; border-radius: 2px; background: var(--service); flex: none; align-self: center; }

.falls .path { fill: var(--ink); }
.falls .failed rect.path { stroke: none; }
.falls .event { fill: var(--fault); font-size: 11px; }
.falls .told { color: var(--fault); }
.falls .was { color: var(--soft); font-size: 11.5px; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 4px 28px; }
.pair h3 { margin: 10px 0 4px; }
.side > svg { width: 100%; }
.pair .falls li { grid-template-columns: minmax(0, 46%) minmax(0, 1fr) 74px; }
.pair .has-edge .service, .pair .has-edge .name { display: none; }
.pair .has-edge .who > span { white-space: normal; overflow: visible; }
.pair .has-edge .crosses { color: var(--ink); }
.pair .has-edge.failed .crosses { color: var(--bad); }
.pair .has-edge.over-fault .crosses { color: var(--fault); }

/* logs */
.calm { --tone: var(--soft); --wash: var(--track); }
.falls .log-row { border-top: 1px dashed var(--line); margin-top: 3px; padding-top: 3px; }
.falls .logged { fill: var(--tone); font-size: 12px; font-weight: 780; }
.falls .logged.calm { font-size: 8px; }
.said, .patterns { margin-top: 6px; font-size: 13px; }
.said li { display: grid; grid-template-columns: 66px 62px minmax(90px, 128px) minmax(0, 1fr); gap: 0 10px; padding: 3px 0; border-top: 1px solid var(--line); align-items: baseline; }
.said li:first-child { border-top: 0; }
.said .at { color: var(--soft); }
.said .who { display: flex; gap: 6px; min-width: 0; align-items: baseline; }
.said .service, .patterns .service { font-weight: 650; overflow-wrap: anywhere; }
.said .what, .patterns .what { overflow-wrap: anywhere; }
.said .level, .patterns .level { color: var(--tone); font-weight: 650; white-space: nowrap; }
.said .calm .what { color: var(--soft); }
.pair .said li { grid-template-columns: 60px 62px minmax(0, 1fr); }
.pair .said .what { grid-column: 1 / -1; }
.patterns li { display: grid; grid-template-columns: 56px 62px 112px minmax(0, 1fr); gap: 0 12px; padding: 7px 0 7px 10px; border-left: 3px solid var(--tone); margin: 6px 0; align-items: baseline; }
.patterns .times { font-weight: 650; }
.patterns .what > .mono { display: block; }

/* what explains, what to look at */
.blamed { font-weight: 600; }
.track { fill: var(--track); }
.share.bad { fill: var(--bad); }
.share.rest { fill: var(--soft); fill-opacity: .55; }
.shares li { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) 52px; gap: 2px 14px; align-items: center; padding: 3px 0; font-size: 14px; }
.shares svg, .bars svg { width: 100%; }
.kind { border-top: 1px solid var(--line); padding: 8px 0; }
.kind:first-of-type { margin-top: 8px; }
.shares + h3 { margin-top: 12px; }
.shares + p { margin-top: 8px; }
.tag.plain { --tone: var(--soft); --wash: var(--track); }
.found li { padding: 6px 0 6px 14px; border-left: 3px solid var(--line); margin: 6px 0; }
.found .what { display: block; overflow-wrap: anywhere; }
.bars { display: grid; grid-template-columns: 170px minmax(0, 320px) auto; gap: 2px 12px; align-items: center; justify-content: start; margin-top: 4px; }
.bars .num { text-align: left; }

.facts { display: grid; grid-template-columns: 150px minmax(0, 1fr); gap: 6px 16px; font-size: 14px; margin-top: 8px; }
.facts dt { color: var(--soft); }
.command { background: var(--track); border-radius: 8px; padding: 10px 14px; margin: 8px 0; font-size: 13.5px; white-space: pre-wrap; overflow-wrap: anywhere; }
footer { padding: 4px 20px 28px; font-size: 13px; color: var(--soft); }

@media (max-width: 820px) {
  .pair { grid-template-columns: minmax(0, 1fr); }
  .graph.across { display: none; }
  .graph.down { display: block; max-width: 460px; }
}
@media (max-width: 640px) {
  main, header { padding: 0 12px; }
  .card { padding: 14px; border-radius: 10px; }
  h1 { font-size: 21px; }
  .verdict { padding: 14px; }
  .verdict .word { font-size: 30px; }
  .verdict .sign { width: 34px; height: 34px; font-size: 20px; }
  .verdict .headline { font-size: 16.5px; }
  .did { grid-template-columns: 1fr; padding: 0; }
  .did > div { border-left: 0; border-top: 1px solid var(--line); padding: 9px 14px; }
  .did > div:first-child { border-top: 0; }
  .goals li, .finding .head { grid-template-columns: 1fr; }
  .chart { grid-template-columns: 44px minmax(0, 1fr); font-size: 11px; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 8px; }
  .falls li, .pair .falls li { grid-template-columns: minmax(0, 1fr) 72px; padding: 3px 0; }
  .falls .who, .falls .note { grid-column: 1 / -1; }
  .falls .who { flex-wrap: wrap; gap: 0 6px; }
  .falls .who > span { white-space: normal; overflow-wrap: anywhere; }
  .falls li.scale > :first-child { display: none; }
  .said li, .pair .said li { grid-template-columns: 60px 62px minmax(0, 1fr); }
  .said .what { grid-column: 1 / -1; }
  .patterns li { grid-template-columns: minmax(0, max-content) minmax(0, max-content) minmax(0, 1fr); }
  .patterns .what { grid-column: 1 / -1; }
  /* wide tables become one block a row; the column's name stands over each value */
  table.stack, .stack tbody { display: block; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .shares li { grid-template-columns: minmax(0, 1fr) 52px; }
  .shares li > :first-child { grid-column: 1 / -1; }
  .bars { grid-template-columns: minmax(0, 1fr) 70px; }
  .bars > :nth-child(3n + 1) { grid-column: 1 / -1; }
  .stack caption { display: block; }
  .stack tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 3px 10px; border-top: 1px solid var(--line); padding: 7px 6px; }
  .stack tr.in-fault, .stack tr.broken { background: var(--fault-wash); }
  .stack th, .stack td { border: 0; padding: 0; text-align: left; white-space: normal; }
  .stack th, .stack .full { grid-column: 1 / -1; }
  .edges tr, .radius tr { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .radius th, .radius td { width: auto; }
  .phases tr { grid-template-columns: repeat(4, minmax(0, 1fr)); font-size: 13px; }
  .phases th.phase { grid-column: auto; font-size: 13px; align-self: center; }
  .narrow-off { display: none; }
  .stack td:empty { display: none; }
  .phases th.phase { padding-left: 0; }
  .phases tr > :last-child { padding-right: 0; }
  .finding .head .num { text-align: left; font-size: 13px; }
  .stack td[data-name]::before { content: attr(data-name); display: block; color: var(--soft); font: 400 11.5px/1.3 system-ui, "Liberation Sans", sans-serif; }
}
@media print {
  body { background: #fff; font-size: 12px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  nav, .skip, details.more { display: none; }
  .card, .trace, .finding, .multiples figure, tr { break-inside: avoid; }
  section.card { break-inside: auto; }
  .trace::details-content { content-visibility: visible; display: block; height: auto; }
}
`;
