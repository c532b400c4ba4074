import type { Span } from "../record/span.ts";

/** A span for tests: give what the test is about. */
export function span(given: Partial<Span> & { readonly spanId: string }): Span {
  return {
    traceId: "t1",
    parentSpanId: undefined,
    service: "gateway",
    name: given.spanId,
    kind: "internal",
    startMs: 0,
    endMs: 10,
    isError: false,
    statusMessage: undefined,
    attributes: {},
    links: [],
    events: [],
    ...given,
  };
}

/**
 * A checkout as it arrives: client -> gateway -> order -> (payment times out, order-db).
 * The root's parent is the load's.
 */
export const checkout: readonly Span[] = [
  span({ spanId: "root", parentSpanId: "load", kind: "server", name: "POST /api/checkout", endMs: 120 }),
  span({
    spanId: "to-order",
    parentSpanId: "root",
    kind: "client",
    name: "POST",
    startMs: 5,
    endMs: 115,
    attributes: { "server.port": 41_001, "http.request.method": "POST", "http.response.status_code": 202 },
  }),
  span({
    spanId: "order",
    parentSpanId: "to-order",
    kind: "server",
    service: "order",
    name: "POST /orders",
    startMs: 6,
    endMs: 114,
  }),
  span({
    spanId: "insert",
    parentSpanId: "order",
    kind: "client",
    service: "order",
    name: "pg.query:INSERT orders",
    startMs: 7,
    endMs: 9,
    attributes: { "net.peer.port": 41_002 },
  }),
  span({
    spanId: "to-payment",
    parentSpanId: "order",
    kind: "client",
    service: "order",
    name: "POST",
    startMs: 10,
    endMs: 110,
    isError: true,
    statusMessage: "The operation was aborted due to timeout",
    attributes: { "http.request.method": "POST", "url.full": "http://127.0.0.1:41003/payments" },
  }),
];

export const ports: ReadonlyMap<number, string> = new Map([
  [41_001, "gateway -> order"],
  [41_002, "order -> order-db"],
  [41_003, "order -> payment"],
]);
