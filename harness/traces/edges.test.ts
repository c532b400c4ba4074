import { expect, test } from "vitest";
import { edgeOf, isFailedCall } from "./edges.ts";
import { checkout, ports, span } from "./spans.fixture.ts";

test("a client span crosses the edge whose proxy it called, by any of the names a port goes by", () => {
  expect(checkout.map((candidate) => edgeOf(candidate, ports))).toEqual([
    undefined,
    "gateway -> order",
    undefined,
    "order -> order-db",
    "order -> payment",
  ]);
});

test("a server span crosses no edge, nor does a call past the proxies", () => {
  const attributes = { "server.port": 41_001 };
  expect(edgeOf(span({ spanId: "a", kind: "server", attributes }), ports)).toBeUndefined();
  expect(
    edgeOf(span({ spanId: "a", kind: "client", attributes: { "server.port": 4318 } }), ports),
  ).toBeUndefined();
  expect(
    edgeOf(span({ spanId: "a", kind: "client", attributes: { "url.full": "?" } }), ports),
  ).toBeUndefined();
  expect(edgeOf(span({ spanId: "a", kind: "client" }), ports)).toBeUndefined();
});

test.each([
  ["an answer of 200", { status: 200, isError: false }, false],
  ["an answer of 409, though its span has error status", { status: 409, isError: true }, false],
  ["an answer of 503", { status: 503, isError: false }, true],
  ["an answer of 200 that broke off", { status: 200, isError: true }, true],
  ["no answer", { status: undefined, isError: false }, true],
])("%s over HTTP", (_title, { status, isError }, failed) => {
  const attributes = {
    "http.request.method": "GET",
    ...(status === undefined ? {} : { "http.response.status_code": status }),
  };
  expect(isFailedCall(span({ spanId: "a", kind: "client", isError, attributes }))).toBe(failed);
});

test("a query fails by its span's status alone", () => {
  expect(isFailedCall(span({ spanId: "a", kind: "client", isError: true }))).toBe(true);
  expect(isFailedCall(span({ spanId: "a", kind: "client" }))).toBe(false);
});
