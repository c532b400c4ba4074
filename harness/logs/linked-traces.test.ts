import { expect, test } from "vitest";
import type { Span } from "../record/span.ts";
import { linksBetween } from "./linked-traces.ts";

/** A trace of one span, which links to others. */
const spanOf = (traceId: string, ...linked: readonly string[]): Span => ({
  ...{ traceId, spanId: "1", parentSpanId: undefined, service: "order", name: "", kind: "internal" },
  ...{ startMs: 0, endMs: 1, isError: false, statusMessage: undefined, attributes: {}, events: [] },
  links: linked.map((other) => ({ traceId: other, spanId: "1" })),
});

test("a trace comes with what came of it and what it came of, not with its siblings", () => {
  //  checkout ← relay ← mail          relay of another checkout, in the same batch: other ← mail
  //           ← stock
  const links = linksBetween([
    spanOf("checkout"),
    spanOf("other"),
    spanOf("relay", "checkout"),
    spanOf("stock", "checkout"),
    spanOf("mail", "relay", "other"),
  ]);
  expect([...links.linkedWith("checkout")]).toEqual(["checkout", "relay", "stock", "mail"]);
  expect([...links.linkedWith("mail")]).toEqual(["mail", "relay", "other", "checkout"]);
  expect([...links.linkedWith("relay")].sort()).toEqual(["checkout", "mail", "relay"]);
  expect([...links.linkedWith("nobody")]).toEqual(["nobody"]);
  expect([...links.known]).toEqual(["checkout", "other", "relay", "stock", "mail"]);
});

test("traces that link in a circle, or to one that is lost, are walked once", () => {
  const links = linksBetween([spanOf("a", "b"), spanOf("b", "a", "lost")]);
  expect([...links.linkedWith("a")].sort()).toEqual(["a", "b", "lost"]);
  expect(links.known.has("lost")).toBe(false);
});
