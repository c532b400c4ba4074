import { formatRatio } from "../../base/units.ts";
import type { EdgeSummary, Summary } from "../../record/summary.ts";
import { errorRatio, formatEdgeFigures } from "../figures.ts";
import { edgeTable } from "./edge-table.ts";
import { layOut, type Point } from "./layered-layout.ts";
import { markup, type Markup } from "./markup.ts";

/**
 * Who calls whom, and what broke. A wide screen gets layers from left to right; a narrow one a column of names with the
 * calls as arcs beside it. A store that only one service uses hangs under that service.
 *
 *   client ──▶ gateway ──▶ order ━━⚡━━▶ payment ──▶ gateway-a        client  ┐
 *                 │          │             │                         gateway ┤┐
 *              [gateway-db] [order-db]  [payment-db]                 order   ┘┘
 */

type Grade = "broken" | "many" | "some" | "undeclared" | "idle" | "calm";

interface GraphNode {
  readonly id: string;
  readonly kind: "client" | EdgeSummary["calleeKind"];
  /** Edges to stores that nobody else uses. */
  readonly stores: readonly EdgeSummary[];
}

interface Graph {
  readonly nodes: readonly GraphNode[];
  /** Edges between nodes: all but those to a store of one's own. */
  readonly links: readonly EdgeSummary[];
}

const box = { width: 140, height: 40, storeWidth: 140, storeHeight: 24, storeGap: 24 } as const;

/** From this share of failed calls on an edge counts as badly hurt. */
const manyErrorsRatio = 0.05;

export function graphSection(summary: Summary): Markup {
  return markup`
    <section class="card" aria-labelledby="graph">
      <h2 id="graph">Dependencies</h2>
      ${
        summary.edges.length === 0
          ? markup`<p class="soft">No edge is known: nothing was traced.</p>`
          : [legend(summary), drawings(summary), edgeTable(summary)]
      }
    </section>`;
}

function drawings(summary: Summary): Markup {
  const graph = graphOf(summary.edges);
  const faultOf = (edge: EdgeSummary): string =>
    summary.faults
      .filter((fault) => fault.edge === edge.edge)
      .map(({ kind }) => kind)
      .join(", ") || "broken";
  return markup`
    <div class="graph across">${across(graph, faultOf)}</div>
    <div class="graph down">${down(graph, faultOf)}</div>`;
}

function legend({ edges }: Summary): Markup {
  const line = (grade: Grade): Markup =>
    markup`<svg width="34" height="10" aria-hidden="true"><g class="link ${grade}"><path d="M0 5H34" /></g></svg>`;
  return markup`
    <div class="key">
      <span>${line("broken")}the broken edge</span><span>${line("many")}over ${formatRatio(manyErrorsRatio)} of calls failed in the fault phase</span>
      <span>${line("some")}some failed</span><span>${line("calm")}none failed</span><span>${line("idle")}no calls</span>
      ${edges.some(({ isDeclared }) => !isDeclared) && markup`<span>${line("undeclared")}not declared in the target</span>`}
    </div>`;
}

function gradeOf({ isBroken, isDeclared, baseline, fault }: EdgeSummary): Grade {
  if (isBroken) return "broken";
  if (baseline.calls + fault.calls === 0) return "idle";
  const ratio = errorRatio(fault) ?? 0;
  if (ratio > 0) return ratio > manyErrorsRatio ? "many" : "some";
  return isDeclared ? "calm" : "undeclared";
}

function graphOf(edges: readonly EdgeSummary[]): Graph {
  const callersOf = Map.groupBy(edges, ({ callee }) => callee);
  const isOwnStore = (edge: EdgeSummary): boolean =>
    edge.calleeKind === "store" && callersOf.get(edge.callee)?.length === 1;
  const links = edges.filter((edge) => !isOwnStore(edge));
  const ids = new Set(
    edges.flatMap((edge) => (isOwnStore(edge) ? [edge.caller] : [edge.caller, edge.callee])),
  );
  return {
    links,
    nodes: [...ids].map((id) => ({
      id,
      kind: callersOf.get(id)?.[0]?.calleeKind ?? (id === "client" ? "client" : "service"),
      stores: edges.filter((edge) => edge.caller === id && isOwnStore(edge)),
    })),
  };
}

function blockHeight({ stores }: GraphNode): number {
  return box.height + stores.length * (box.storeGap + box.storeHeight);
}

/** Left to right in layers. */
function across({ nodes, links }: Graph, faultOf: (edge: EdgeSummary) => string): Markup {
  const layout = layOut(
    nodes.map((node) => ({ id: node.id, height: blockHeight(node) })),
    links.map(({ caller, callee }) => ({ from: caller, to: callee })),
    { nodeWidth: box.width, columnGap: 108, rowGap: 22 },
  );
  const blocks = new Map(nodes.map((node) => [node.id, node]));
  /** Of the node's own box, which is the upper part of its block. */
  const corner = (id: string): Point => {
    const at = layout.nodes.get(id) ?? { x: 0, y: 0 };
    const block = blocks.get(id);
    return { x: at.x, y: at.y - (block === undefined ? 0 : blockHeight(block) / 2) };
  };
  const ports = portsOf(links, (id) => corner(id).y);
  const labels = new LabelPlaces(
    nodes.map((node) => ({ ...corner(node.id), width: box.width, height: blockHeight(node) })),
  );
  const drawn = links
    .map((edge, index) => {
      const from = corner(edge.caller);
      const to = corner(edge.callee);
      const start = { x: from.x + box.width, y: from.y + port(ports.leaving, edge) };
      const end = { x: to.x, y: to.y + port(ports.arriving, edge) };
      return { edge, chain: [start, ...(layout.bends[index] ?? []), end] };
    })
    .sort((a, b) => drawRank(a.edge) - drawRank(b.edge));
  const owned = nodes.flatMap((node) => stores(node, corner(node.id), faultOf));
  // The broken edge chooses its label's place first.
  const tags = [...drawn].reverse().flatMap(({ edge, chain }) => {
    const text = labelText(edge, faultOf);
    if (text === undefined) return [];
    const width = labelWidth(text, edge.isBroken);
    return [label(labels.place(candidates(chain), width), text, toneOf(edge))];
  });
  return markup`
    <svg viewBox="-8 -8 ${Math.ceil(layout.width) + 16} ${Math.ceil(layout.height) + 16}" role="img" aria-label="Dependency graph; all its figures are in the table below">
      ${drawn.map(({ edge, chain }) => link(edge, curveThrough(chain), arrowTip(chain)))}
      ${owned.map(({ line }) => line)}
      ${nodes.map((node) => nodeBox(node, corner(node.id)))}
      ${owned.map(({ shape }) => shape)}
      ${tags}
    </svg>`;
}

/** Each node's stores below it, on short lines. */
function stores(
  node: GraphNode,
  corner: Point,
  faultOf: (edge: EdgeSummary) => string,
): { line: Markup; shape: Markup }[] {
  const x = corner.x + (box.width - box.storeWidth) / 2;
  return node.stores.map((edge, index) => {
    const above = corner.y + box.height + index * (box.storeHeight + box.storeGap);
    const y = above + box.storeGap;
    const middle = corner.x + 20;
    const text = labelText(edge, faultOf);
    const width = text === undefined ? 0 : labelWidth(text, edge.isBroken);
    const at = { x: middle + 10 + width / 2, y: above + box.storeGap / 2 };
    return {
      line: link(edge, `M${middle} ${above}V${y}`, `M${middle} ${y}l-4 -7h8z`),
      shape: markup`
        <g class="node store"><rect x="${x}" y="${y}" width="${box.storeWidth}" height="${box.storeHeight}" rx="6" />
          ${cylinder(x + 8, y + 6)}<text x="${x + 24}" y="${y + 16}">${shorten(edge.callee, 17)}</text></g>
        ${text !== undefined && label(at, text, toneOf(edge))}`,
    };
  });
}

function cylinder(x: number, y: number): Markup {
  return markup`<path class="cylinder" d="M${x} ${y + 2}c0 -2.6 11 -2.6 11 0v8c0 2.6 -11 2.6 -11 0zc0 2.6 11 2.6 11 0" />`;
}

function nodeBox({ id, kind }: GraphNode, { x, y }: Point): Markup {
  const sub = kind === "outside" ? "outside the fleet" : kind === "store" ? "store" : undefined;
  return markup`
    <g class="node ${kind}"><title>${id} (${kind})</title>
      <rect x="${x}" y="${y}" width="${box.width}" height="${box.height}" rx="${kind === "client" ? 20 : 8}" />
      <text x="${x + box.width / 2}" y="${y + (sub === undefined ? 24.5 : 18)}" text-anchor="middle">${shorten(id, 18)}</text>
      ${sub !== undefined && markup`<text class="kind" x="${x + box.width / 2}" y="${y + 32}" text-anchor="middle">${sub}</text>`}
    </g>`;
}

/** Where on a node's side each edge leaves or arrives, in the order of the other ends, so that they do not cross there. */
function portsOf(
  links: readonly EdgeSummary[],
  heightOf: (id: string) => number,
): { leaving: Map<EdgeSummary, number>; arriving: Map<EdgeSummary, number> } {
  const spread = (end: "caller" | "callee", other: "caller" | "callee"): Map<EdgeSummary, number> => {
    const groups = Map.groupBy(links, (edge) => edge[end]);
    return new Map(
      [...groups.values()].flatMap((group) =>
        group
          .toSorted((a, b) => heightOf(a[other]) - heightOf(b[other]))
          .map((edge, index): [EdgeSummary, number] => [
            edge,
            (box.height * (index + 1)) / (group.length + 1),
          ]),
      ),
    );
  };
  return { leaving: spread("caller", "callee"), arriving: spread("callee", "caller") };
}

function port(ports: ReadonlyMap<EdgeSummary, number>, edge: EdgeSummary): number {
  return ports.get(edge) ?? box.height / 2;
}

/** The calm below, the broken on top. */
function drawRank(edge: EdgeSummary): number {
  return ["idle", "calm", "undeclared", "some", "many", "broken"].indexOf(gradeOf(edge));
}

function curveThrough(chain: readonly Point[]): string {
  return chain
    .map((at, index) => {
      const before = chain[index - 1];
      if (before === undefined) return `M${round(at.x)} ${round(at.y)}`;
      const reach = (at.x - before.x) / 2;
      return `C${round(before.x + reach)} ${round(before.y)} ${round(at.x - reach)} ${round(at.y)} ${round(at.x)} ${round(at.y)}`;
    })
    .join("");
}

function arrowTip(chain: readonly Point[]): string {
  const end = chain.at(-1) ?? { x: 0, y: 0 };
  const side = (chain.at(-2)?.x ?? 0) <= end.x ? -8 : 8;
  return `M${round(end.x)} ${round(end.y)}l${side} -4.5v9z`;
}

/** Places along the edge for its label: the middle of each stretch first, then beside it. */
function candidates(chain: readonly Point[]): Point[] {
  const at = (share: number): Point[] =>
    chain.slice(1).flatMap((to, index) => {
      const from = chain[index];
      if (from === undefined) return [];
      // The same cubic as the drawing: level at both ends.
      const eased = share * share * (3 - 2 * share);
      const along =
        (1.5 * share * (1 - share) ** 2 + 1.5 * share ** 2 * (1 - share) + share ** 3) * (to.x - from.x);
      return [{ x: from.x + along, y: from.y + eased * (to.y - from.y) }];
    });
  return [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8].flatMap(at);
}

interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** Finds a label a place in which it covers neither a node nor another label. */
class LabelPlaces {
  readonly #taken: Box[];

  constructor(taken: readonly Box[]) {
    this.#taken = [...taken];
  }

  place(candidates: readonly Point[], width: number): Point {
    const around = ({ x, y }: Point): Box => ({
      x: x - width / 2 - 2,
      y: y - 12,
      width: width + 4,
      height: 24,
    });
    const nudged = candidates.flatMap(({ x, y }) => [0, -20, 20, -40, 40].map((by) => ({ x, y: y + by })));
    const free = nudged.find((at) => !this.#taken.some((taken) => overlaps(taken, around(at))));
    const place = free ?? candidates[0] ?? { x: 0, y: 0 };
    this.#taken.push(around(place));
    return place;
  }
}

function overlaps(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function labelText(edge: EdgeSummary, faultOf: (edge: EdgeSummary) => string): string | undefined {
  const ratio = errorRatio(edge.fault) ?? 0;
  if (edge.isBroken) return shorten(faultOf(edge), 20);
  if (ratio > 0) return `${roundRatio(ratio)} fail`;
  return edge.isDeclared ? undefined : "undeclared";
}

function toneOf({ isBroken, fault }: EdgeSummary): "fault" | "bad" | "warn" {
  if (isBroken) return "fault";
  return fault.errors > 0 ? "bad" : "warn";
}

/** Short, for a label: the exact share is in the table. */
function roundRatio(ratio: number): string {
  return formatRatio(
    ratio < 0.1 || ratio > 0.99 ? Number(ratio.toFixed(3)) || ratio : Number(ratio.toFixed(2)),
  );
}

function labelWidth(text: string, isBroken: boolean): number {
  return text.length * 6.9 + (isBroken ? 30 : 14);
}

/** A pill with the text; a bolt before what Squall itself did. */
function label({ x, y }: Point, text: string, tone: "fault" | "bad" | "warn"): Markup {
  const isBroken = tone === "fault";
  const width = labelWidth(text, isBroken);
  const left = round(x - width / 2);
  return markup`
    <g class="label ${tone}">
      <rect x="${left}" y="${round(y - 10)}" width="${round(width)}" height="20" rx="10" />
      ${isBroken && markup`<path d="M${round(left + 14.5)} ${round(y - 7)}l-6 8.2h4.2l-1.6 6l6.4 -8.6h-4.4z" />`}
      <text x="${round(x + (isBroken ? 7 : 0))}" y="${round(y + 4.2)}">${text}</text>
    </g>`;
}

function link(edge: EdgeSummary, path: string, tip: string): Markup {
  return markup`
    <g class="link ${gradeOf(edge)}"><title>${edgeText(edge)}</title>
      <path class="reach" d="${path}" /><path d="${path}" /><path class="tip" d="${tip}" />
    </g>`;
}

function edgeText(edge: EdgeSummary): string {
  const told = edge.isBroken ? " (broken)" : edge.isDeclared ? "" : " (not declared)";
  return `${edge.edge}${told}\nbaseline: ${formatEdgeFigures(edge.baseline)}\nfault: ${formatEdgeFigures(edge.fault)}`;
}

/** Top to bottom: one row a node, in the order of the layers, with each edge as an arc on its left. */
function down({ nodes, links }: Graph, faultOf: (edge: EdgeSummary) => string): Markup {
  const { order } = layOut(
    nodes.map(({ id }) => ({ id, height: 1 })),
    links.map(({ caller, callee }) => ({ from: caller, to: callee })),
    { nodeWidth: 1, columnGap: 1, rowGap: 1 },
  );
  const size = { row: 62, gutter: 92, width: 388 } as const;
  const corner = (id: string): Point => ({ x: size.gutter, y: order.indexOf(id) * size.row });
  const ports = portsOf(links, (id) => corner(id).y);
  const arcs = links
    .map((edge) => {
      const from = corner(edge.caller);
      const to = corner(edge.callee);
      const start = from.y + port(ports.leaving, edge);
      const end = to.y + port(ports.arriving, edge);
      // A cubic reaches three quarters of the way to its control points.
      const reach = Math.min(size.gutter - 6, 12 + (Math.abs(end - start) / size.row) * 12);
      const control = round(size.gutter - (reach * 4) / 3);
      const path = `M${size.gutter} ${round(start)}C${control} ${round(start)} ${control} ${round(end)} ${size.gutter} ${round(end)}`;
      return { edge, path, end, at: { x: size.gutter - reach, y: (start + end) / 2 } };
    })
    .sort((a, b) => drawRank(a.edge) - drawRank(b.edge));
  const labels = new LabelPlaces(
    order.map((id) => ({ ...corner(id), width: size.width, height: box.height })),
  );
  const tags = [...arcs].reverse().flatMap(({ edge, at }) => {
    const text = labelText(edge, faultOf);
    if (text === undefined) return [];
    const width = labelWidth(text, edge.isBroken);
    const x = Math.max(width / 2, at.x);
    return [label(labels.place([{ x, y: at.y }], width), text, toneOf(edge))];
  });
  const beside = nodes.flatMap((node) => {
    const { x, y } = corner(node.id);
    return node.stores.slice(0, 1).map((edge) => {
      const from = x + box.width;
      const middle = y + box.height / 2;
      const left = from + 16;
      const text = labelText(edge, faultOf);
      return markup`
        ${link(edge, `M${from} ${middle}H${left}`, `M${left} ${middle}l-7 -4v8z`)}
        <g class="node store"><rect x="${left}" y="${y + 8}" width="${box.storeWidth}" height="${box.storeHeight}" rx="6" />
          ${cylinder(left + 6, y + 14)}<text x="${left + 22}" y="${y + 24}">${shorten(edge.callee, 17)}</text></g>
        ${text !== undefined && label({ x: left + 40, y: y + 46 }, text, toneOf(edge))}`;
    });
  });
  return markup`
    <svg viewBox="-2 -4 ${size.width + 4} ${order.length * size.row - 8}" role="img" aria-label="Dependency graph; all its figures are in the table below">
      ${arcs.map(({ edge, path, end }) => link(edge, path, `M${size.gutter} ${round(end)}l-8 -4.5v9z`))}
      ${nodes.map((node) => nodeBox(node, corner(node.id)))}
      ${beside}
      ${tags}
    </svg>`;
}

function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
