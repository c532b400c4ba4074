/**
 * Places the nodes of a directed graph in layers from left to right, after Sugiyama: edges that would close a cycle are
 * turned round, a node's layer is its longest path from a source, an edge over several layers gets a bend in each, the
 * order within the layers is improved by barycentres, and heights follow the neighbours.
 *
 *   edges ─layers→ columns ─order→ fewer crossings ─heights→ x, y of nodes and bends
 */

export interface LayoutNode {
  readonly id: string;
  readonly height: number;
}

export interface LayoutEdge {
  readonly from: string;
  readonly to: string;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Left edge and vertical middle of each node. */
  readonly nodes: ReadonlyMap<string, Point>;
  /** For each edge, by its index, the bends between its ends. */
  readonly bends: readonly (readonly Point[])[];
  /** Nodes by layer, then from top to bottom. */
  readonly order: readonly string[];
}

export interface LayoutOptions {
  readonly nodeWidth: number;
  /** Between layers. */
  readonly columnGap: number;
  /** Between neighbours in a layer. */
  readonly rowGap: number;
}

/** A node, or a bend of an edge that passes through its layer. */
interface Slot {
  readonly id: string;
  readonly height: number;
  readonly layer: number;
  readonly left: Slot[];
  readonly right: Slot[];
  y: number;
}

const sweeps = 12;

/** Edges whose ends are not among `nodes` are an error of the caller. @throws {RangeError} naming the unknown end */
export function layOut(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
  { nodeWidth, columnGap, rowGap }: LayoutOptions,
): Layout {
  const known = new Set(nodes.map(({ id }) => id));
  for (const end of edges.flatMap(({ from, to }) => [from, to]))
    if (!known.has(end)) throw new RangeError(`the graph has no node ${end}`);
  const forward = withoutCycles(nodes, edges);
  const layerOf = longestPaths(nodes, forward);
  const slots = new Map(
    nodes.map((node) => [node.id, slot(node.id, node.height, layerOf.get(node.id) ?? 0)]),
  );
  const layers: Slot[][] = [];
  for (const each of slots.values()) (layers[each.layer] ??= []).push(each);
  const bendSlots = forward.map((edge) => (edge === undefined ? [] : thread(edge, slots, layers)));

  reduceCrossings(layers);
  settleHeights(layers, rowGap);

  const all = layers.flat();
  const top = Math.min(0, ...all.map(({ y, height }) => y - height / 2));
  const bottom = Math.max(0, ...all.map(({ y, height }) => y + height / 2));
  const x = (layer: number): number => layer * (nodeWidth + columnGap);
  const place = ({ layer, y }: Slot): Point => ({ x: x(layer), y: y - top });
  return {
    width: layers.length === 0 ? 0 : x(layers.length - 1) + nodeWidth,
    height: bottom - top,
    nodes: new Map([...slots].map(([id, each]) => [id, place(each)])),
    bends: bendSlots.map((bends) => bends.map(place).map((at) => ({ x: at.x + nodeWidth / 2, y: at.y }))),
    order: all.filter(({ id }) => slots.has(id)).map(({ id }) => id),
  };
}

function slot(id: string, height: number, layer: number): Slot {
  return { id, height, layer, left: [], right: [], y: 0 };
}

/** The edges by index, those that close a cycle (and loops) as `undefined`: they decide no layer. */
function withoutCycles(
  nodes: readonly LayoutNode[],
  edges: readonly LayoutEdge[],
): (LayoutEdge | undefined)[] {
  const kept: (LayoutEdge | undefined)[] = edges.map(() => undefined);
  const state = new Map<string, "open" | "done">();
  const visit = (id: string): void => {
    state.set(id, "open");
    edges.forEach((edge, index) => {
      if (edge.from !== id || state.get(edge.to) === "open") return;
      kept[index] = edge;
      if (!state.has(edge.to)) visit(edge.to);
    });
    state.set(id, "done");
  };
  const called = new Set(edges.map(({ to }) => to));
  const sources = nodes.filter(({ id }) => !called.has(id));
  for (const { id } of [...sources, ...nodes]) if (!state.has(id)) visit(id);
  return kept;
}

function longestPaths(
  nodes: readonly LayoutNode[],
  edges: readonly (LayoutEdge | undefined)[],
): Map<string, number> {
  const layers = new Map<string, number>();
  const layer = (id: string): number => {
    const found = layers.get(id);
    if (found !== undefined) return found;
    const callers = edges.filter((edge) => edge?.to === id).map((edge) => layer(edge?.from ?? id) + 1);
    const own = Math.max(0, ...callers);
    layers.set(id, own);
    return own;
  };
  for (const { id } of nodes) layer(id);
  return layers;
}

/** Joins the ends of an edge through one bend in each layer between them; returns the bends. */
function thread({ from, to }: LayoutEdge, slots: ReadonlyMap<string, Slot>, layers: Slot[][]): Slot[] {
  const [start, end] = [slots.get(from), slots.get(to)];
  if (start === undefined || end === undefined) return [];
  const bends: Slot[] = [];
  for (let layer = start.layer + 1; layer < end.layer; layer += 1) {
    const bend = slot(`${from} -> ${to} in ${layer}`, 6, layer);
    (layers[layer] ??= []).push(bend);
    bends.push(bend);
  }
  const chain = [start, ...bends, end];
  chain.forEach((each, index) => {
    const next = chain[index + 1];
    if (next === undefined) return;
    each.right.push(next);
    next.left.push(each);
  });
  return bends;
}

/** Sorts each layer by the mean place of its neighbours, to and fro; keeps the best order seen. */
function reduceCrossings(layers: Slot[][]): void {
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers);
  for (let sweep = 0; sweep < sweeps && fewest > 0; sweep += 1) {
    const isForward = sweep % 2 === 0;
    const run = isForward ? layers : [...layers].reverse();
    run.forEach((layer, index) => {
      const beside = new Map((run[index - 1] ?? []).map((each, place) => [each, place]));
      const key = new Map(
        layer.map((each, place) => [each, mean(places(isForward ? each.left : each.right, beside)) ?? place]),
      );
      layer.sort((a, b) => (key.get(a) ?? 0) - (key.get(b) ?? 0));
    });
    const now = crossings(layers);
    if (now < fewest) {
      fewest = now;
      best = layers.map((layer) => [...layer]);
    }
  }
  best.forEach((layer, index) => (layers[index] = layer));
}

function crossings(layers: readonly (readonly Slot[])[]): number {
  let count = 0;
  layers.forEach((layer, index) => {
    const beside = new Map((layers[index + 1] ?? []).map((each, place) => [each, place]));
    const pairs = layer.flatMap((each, from) => places(each.right, beside).map((to) => ({ from, to })));
    pairs.forEach((a, at) => {
      for (const b of pairs.slice(at + 1)) if ((a.from - b.from) * (a.to - b.to) < 0) count += 1;
    });
  });
  return count;
}

/** Moves each slot to the mean height of its neighbours as far as the order and the gaps of its layer let it. */
function settleHeights(layers: readonly (readonly Slot[])[], rowGap: number): void {
  for (const layer of layers) spread(layer, new Map(), rowGap);
  for (let sweep = 0; sweep < sweeps; sweep += 1) {
    const run = sweep % 2 === 0 ? layers : [...layers].reverse();
    for (const layer of run) {
      const wanted = new Map(
        layer.map((each) => [each, mean([...each.left, ...each.right].map(({ y }) => y)) ?? each.y]),
      );
      spread(layer, wanted, rowGap);
    }
  }
}

/** Keeps the layer's order and gaps, and the layer as a whole where its members want to be. */
function spread(layer: readonly Slot[], wanted: ReadonlyMap<Slot, number>, rowGap: number): void {
  let floor = -Infinity;
  for (const each of layer) {
    each.y = Math.max(wanted.get(each) ?? 0, floor + each.height / 2);
    floor = each.y + each.height / 2 + rowGap;
  }
  const shift = mean(layer.map((each) => (wanted.get(each) ?? 0) - each.y)) ?? 0;
  for (const each of layer) each.y += shift;
}

function places(of: readonly Slot[], among: ReadonlyMap<Slot, number>): number[] {
  return of.flatMap((each) => among.get(each) ?? []);
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
