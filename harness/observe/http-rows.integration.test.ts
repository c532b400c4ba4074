import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readObservations } from "./observations.ts";

const answers: Readonly<Record<string, readonly [status: number, body: string]>> = {
  "/a/ledger": [200, '[{"orderId":"o1","amountCents":5,"isTest":true,"voidedAt":null,"lines":[1,2]}]'],
  "/b/ledger": [200, '[{"orderId":"o2","amountCents":7}]'],
  "/a/object": [200, '{"rows":[]}'],
  "/a/numbers": [200, "[1,2]"],
  "/a/html": [200, "<html>"],
  "/a/unwell": [503, "[]"],
};
const server = createServer((request, response) => {
  const answer = answers[request.url ?? ""];
  if (answer !== undefined) response.writeHead(answer[0]).end(answer[1]);
  // Any other path is never answered.
});
let base: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

function read(from: readonly string[], path: string, signal = AbortSignal.timeout(5_000)) {
  const access = {
    storeUrl: () => undefined,
    baseUrl: (part: string) => ({ a: `${base}/a`, b: `${base}/b`, down: "http://127.0.0.1:1" })[part],
  };
  return readObservations({ it: { kind: "http", from, path } }, access, signal);
}

test("the arrays of several parts are one observation, in their order, with parts of cells as JSON", async () => {
  expect(await read(["b", "a"], "/ledger")).toEqual({
    it: [
      { orderId: "o2", amountCents: 7 },
      { orderId: "o1", amountCents: 5, isTest: true, voidedAt: null, lines: "[1,2]" },
    ],
  });
});

test.each([
  ["/object", "expected a JSON array of objects"],
  ["/numbers", "expected a JSON array of objects"],
  ["/html", "is not valid JSON"],
  ["/unwell", "expected status 200, got 503"],
])("an answer as of %s is an error, not an empty observation", async (path, says) => {
  expect(await read(["a"], path)).toEqual({ it: { error: expect.stringContaining(says) as string } });
});

test("one part that cannot be reached makes the whole observation unread", async () => {
  expect(await read(["a", "down"], "/ledger")).toEqual({
    it: { error: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1\/ledger: fetch failed/) as string },
  });
});

test("a part that hangs is given up with the signal", async () => {
  const observed = await read(["a"], "/hangs", AbortSignal.timeout(100));
  expect(observed).toEqual({ it: { error: expect.stringContaining("timeout") as string } });
});

test("a part or a store that the fleet does not have is an error that names it", async () => {
  expect(await read(["nobody"], "/ledger")).toEqual({ it: { error: "the fleet has no part nobody" } });
  const access = { storeUrl: () => undefined, baseUrl: () => undefined };
  const specs = { it: { kind: "sql" as const, store: "no-db", sql: "select 1" } };
  expect(await readObservations(specs, access, AbortSignal.timeout(1_000))).toEqual({
    it: { error: "the fleet has no store no-db" },
  });
});
