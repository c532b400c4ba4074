import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layOut, type LayoutEdge } from "./layered-layout.ts";

const options = { nodeWidth: 100, columnGap: 50, rowGap: 10 };

function place(edges: readonly LayoutEdge[]) {
  const ids = [...new Set(edges.flatMap(({ from, to }) => [from, to]))];
  return layOut(
    ids.map((id) => ({ id, height: 40 })),
    edges,
    options,
  );
}

function chain(...ids: readonly string[]): LayoutEdge[] {
  return ids.slice(1).map((to, index) => ({ from: ids[index] ?? "", to }));
}

describe("a layered layout", () => {
  it("puts each node in the layer of its longest path", () => {
    const { nodes, width } = place([
      ...chain("client", "gateway", "order", "payment"),
      ...chain("gateway", "payment"),
    ]);
    expect([...nodes].map(([id, { x }]) => [id, x])).toEqual([
      ["client", 0],
      ["gateway", 150],
      ["order", 300],
      ["payment", 450],
    ]);
    expect(width).toBe(550);
  });

  it("bends an edge once in each layer that it passes, beside the nodes there", () => {
    const { bends, nodes } = place([...chain("a", "b", "c", "d"), ...chain("a", "d")]);
    expect(bends.map((points) => points.length)).toEqual([0, 0, 0, 2]);
    const [overB, overC] = bends[3] ?? [];
    expect(overB?.x).toBe(200);
    expect(overC?.x).toBe(350);
    expect(Math.abs((overB?.y ?? 0) - (nodes.get("b")?.y ?? 0))).toBeGreaterThanOrEqual(20);
  });

  it("uncrosses what need not cross", () => {
    const { nodes } = place([
      ...chain("a", "y"),
      ...chain("b", "x"),
      ...chain("root", "a"),
      ...chain("root", "b"),
    ]);
    const isAbove = (one: string, other: string): boolean =>
      (nodes.get(one)?.y ?? 0) < (nodes.get(other)?.y ?? 0);
    expect(isAbove("a", "b")).toBe(isAbove("y", "x"));
  });

  it("ends with a cycle and with a loop", () => {
    const { nodes } = place([...chain("a", "b", "c", "a"), ...chain("b", "b")]);
    expect([...nodes.values()].map(({ x }) => x)).toEqual([0, 150, 300]);
  });

  it("has no size for no nodes", () => {
    expect(place([])).toMatchObject({ width: 0, height: 0, order: [] });
  });

  it("refuses an edge to a node that it was not given", () => {
    expect(() => layOut([{ id: "a", height: 40 }], chain("a", "b"), options)).toThrow(
      "the graph has no node b",
    );
  });

  it("lets no two nodes overlap and none leave the drawing, whatever the graph", () => {
    const node = fc.integer({ min: 0, max: 11 }).map((index) => `n${index}`);
    const edges = fc.array(fc.record({ from: node, to: node }), { maxLength: 30 });
    fc.assert(
      fc.property(edges, (given) => {
        const { nodes, height } = place(given);
        const boxes = [...nodes.values()];
        for (const [index, one] of boxes.entries()) {
          expect(one.y - 20).toBeGreaterThanOrEqual(-0.001);
          expect(one.y + 20).toBeLessThanOrEqual(height + 0.001);
          for (const other of boxes.slice(index + 1))
            expect(one.x !== other.x || Math.abs(one.y - other.y) >= 49.999).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
