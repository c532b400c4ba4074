import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { beforeAll, expect, it } from "vitest";
import { systemClock } from "../harness/base/clock.ts";
import { readJsonl } from "../harness/base/jsonl.ts";
import { startDriver } from "../harness/load/driver.ts";
import { historyLineSchema, type OperationLine } from "../harness/record/history.ts";
import { loadTarget } from "../harness/target/load-target.ts";
import { mixOf } from "../harness/target/target.ts";

/** The shop's public API, as far as shoppers use it and no further: what it does not know, it answers with 404 or 401. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

const asked: Asked[] = [];
const orders = new Map<string, string[]>();
const listed = ["p-0001", "p-0002", "p-0003"].map((id) => ({ id, name: id, priceCents: 100 }));

function answer({ method, path, headers, body }: Asked): readonly [number, unknown] {
  const [route] = path.split("?") as [string];
  if (route === "/api/login") {
    const number = /^user-(\d{3})@shop\.example$/.exec(String(body["email"]))?.[1];
    if (number === undefined || body["password"] !== `password-${number}`) return [401, { error: "no" }];
    return [201, { userId: `user-${number}`, accessToken: `token-${number}`, expiresInSeconds: 900 }];
  }
  if (route === "/api/products" || route === "/api/search") return [200, { products: listed }];
  const productId = /^\/api\/products\/(.+)$/.exec(route)?.[1];
  const product = listed.find(({ id }) => id === productId);
  if (product !== undefined) return [200, { product, recommendations: [], degraded: false }];

  const user = /^Bearer token-(\d{3})$/.exec(headers.authorization ?? "")?.[1];
  if (user === undefined) return [401, { error: "not-logged-in" }];
  const own = orders.get(user) ?? [];
  if (route === "/api/basket" && method === "PUT") return [200, body];
  if (route === "/api/payment-methods") return [200, { methods: ["card-a"] }];
  if (route === "/api/cards" && method === "POST") return [201, { cardId: `c-${asked.length}` }];
  if (route === "/api/checkout" && method === "POST") {
    const orderId = `o-${asked.length}`;
    orders.set(user, [...own, orderId]);
    // Every third is still being paid: its total is not yet known.
    return asked.length % 3 === 0
      ? [202, { orderId, status: "pending", totalCents: null }]
      : [201, { orderId, status: "confirmed", totalCents: 300 }];
  }
  const viewOf = (orderId: string) => ({ orderId, status: "confirmed", totalCents: 300, history: [] });
  if (route === "/api/orders") return [200, { orders: own.map(viewOf) }];
  const orderId = own.find((id) => route === `/api/orders/${id}`);
  return orderId === undefined ? [404, { error: "not-found" }] : [200, viewOf(orderId)];
}

let text = "";
let operations: readonly OperationLine[] = [];

beforeAll(async () => {
  const server = createServer((request, response) => {
    void (async () => {
      const { method = "", url = "", headers } = request;
      const body = headers["content-type"] === undefined ? {} : await json(request);
      const call = { method, path: url, headers, body: body as Record<string, unknown> };
      asked.push(call);
      const [status, answered] = answer(call);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(answered));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const target = loadTarget(join(import.meta.dirname, "../target-system/target.yaml"));
  const folder = mkdtempSync(join(tmpdir(), "squall-shopper-"));
  const historyFile = join(folder, "history.jsonl");
  {
    await using driver = await startDriver(
      {
        journeysModule: target.journeys.module,
        mix: mixOf(target, "shopper") ?? {},
        arrivals: { kind: "poisson", ratePerSecond: 250, durationMs: 2_000 },
        seed: "shopper",
        baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        historyFile,
        histogramsFile: join(folder, "histograms.jsonl"),
        maxConnections: 64,
        timeoutMs: 10_000,
      },
      () => undefined,
    );
    driver.begin(systemClock.nowMs());
    await driver.done;
  }
  await new Promise((resolve) => server.close(resolve));
  text = readFileSync(historyFile, "utf8");
  operations = readJsonl(historyFile, (line) => historyLineSchema.parse(line)).lines.filter(
    (line) => line.kind === "operation",
  );
});

it("every journey of the mix is taken, and all goes well with a shop that does what it promises", () => {
  expect(operations.filter(({ completion }) => completion !== "ok")).toEqual([]);
  expect(new Set(operations.map(({ journey }) => journey))).toEqual(
    new Set(["browse", "search", "product", "log-in", "add-card", "checkout", "order-status"]),
  );
  expect(new Set(operations.map(({ route }) => route)).size).toBe(10);
});

it("a shopper logs in once and stays so", () => {
  const logIns = operations.filter(({ journey, step }) => step === "log-in" && journey !== "log-in");
  const sessions = operations.filter(({ step }) => step === "fill-basket" || step === "list-orders");
  // 50 shoppers; a few journeys of one shopper come at the same time, before there is a session.
  expect(logIns.length).toBeLessThan(70);
  expect(sessions.length).toBeGreaterThan(80);
});

it("of an order is told what the shop said, be it confirmed or pending", () => {
  const placed = operations.filter(({ step }) => step === "place-order").map(({ told }) => told);
  expect(placed.map((told) => told?.["orderId"]).sort()).toEqual([...orders.values()].flat().sort());
  expect(new Set(placed.map((told) => `${told?.["status"]} ${told?.["totalCents"]}`))).toEqual(
    new Set(["confirmed 300", "pending null"]),
  );
  const seen = operations.filter(({ step }) => step === "order");
  expect(seen.length).toBeGreaterThan(0);
  for (const { told } of seen) expect(told).toMatchObject({ status: "confirmed", totalCents: 300 });
});

it("no password, no token and no card is in the history", () => {
  expect(text).not.toMatch(/password|token-\d|shop\.example|\b(4242|5555)( ?\d{4}){3}\b|cvc/);
});

it("each checkout has a key of its own and buys listed products, each in one line", () => {
  const checkouts = asked.filter(({ path }) => path === "/api/checkout");
  expect(new Set(checkouts.map(({ headers }) => headers["idempotency-key"])).size).toBe(checkouts.length);
  for (const { body } of checkouts) {
    const ids = (body["items"] as { productId: string }[]).map(({ productId }) => productId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(ids));
  }
});
