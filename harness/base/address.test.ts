import { expect, it } from "vitest";
import { formatAddress, parseAddress } from "./address.ts";
import { formatEdge, parseEdge } from "./edge.ts";

it.each(["127.0.0.1:80", "localhost:0", "[::1]:65535"])(
  "%s is an address, and is written as it was read",
  (text) => {
    const address = parseAddress(text);
    expect(address && formatAddress(address)).toBe(text);
  },
);

it.each(["127.0.0.1", ":80", "host:65536", "host:-1", "::1:80", "a b:1", ""])("%j is no address", (text) =>
  expect(parseAddress(text)).toBeUndefined(),
);

it("an edge is read with or without spaces and written with them", () => {
  expect(formatEdge(parseEdge("order->payment") ?? { caller: "", callee: "" })).toBe("order -> payment");
  expect(parseEdge(" gateway  ->  order-db ")).toEqual({ caller: "gateway", callee: "order-db" });
  expect(parseEdge("order - payment")).toBeUndefined();
  expect(parseEdge("Order -> payment")).toBeUndefined();
});
