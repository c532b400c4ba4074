import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createCallee, type Callee } from "../service-kit/callee.ts";
import { untold } from "../service-kit/patterns/pattern-event.ts";
import { parsePatterns } from "../service-kit/patterns/patterns.ts";
import { createPartners, type Partners } from "./partners.ts";

/** A partner that answers whatever a test wants; what it was asked is kept. */
let answer: { readonly status: number; readonly body?: object };
let asked: { readonly path: string; readonly by: string | undefined; readonly body: unknown };
let callee: Callee;
let partners: Partners;
const server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (part: string) => (text += part));
  request.on("end", () => {
    const { url: path = "", headers } = request;
    asked = {
      path,
      by: headers.authorization,
      body: text === "" ? undefined : (JSON.parse(text) as unknown),
    };
    response.writeHead(answer.status).end(JSON.stringify(answer.body ?? {}));
  });
});
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  callee = createCallee(
    "partner",
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    parsePatterns("timeouts"),
    untold,
    async (userId) => `for ${userId}`,
  );
  partners = createPartners(callee, callee);
});
afterAll(async () => {
  await callee.close();
  server.close();
});

const payment = { orderId: "o-1", userId: "u-1", cardId: null, amountCents: 100 };

it("pays in the name of the user, with the card that was chosen, or leaves the choice", async () => {
  answer = { status: 201 };
  expect(await partners.pay({ ...payment, cardId: "c-1" })).toEqual({ kind: "captured" });
  const due = { orderId: "o-1", amountCents: 100 };
  expect(asked).toEqual({ path: "/payments", by: "Bearer for u-1", body: { ...due, cardId: "c-1" } });
  await partners.pay(payment);
  expect(asked.body).toEqual(due);
});

it.each([
  [
    { status: 402, body: { status: "declined", reason: "no-card" } },
    { kind: "declined", reason: "no-card" },
  ],
  [
    { status: 402, body: { status: "declined" } },
    { kind: "declined", reason: "declined" },
  ],
  [
    { status: 409, body: { error: "payment-cancelled" } },
    { kind: "refused", reason: "payment-cancelled" },
  ],
  [{ status: 202 }, { kind: "unknown", why: "payment is pending" }],
  [{ status: 500 }, { kind: "unknown", why: "status 500" }],
  [{ status: 429 }, { kind: "unknown", why: "status 429" }],
])("of a payment, %j is %j", async (given, outcome) => {
  answer = given;
  expect(await partners.pay(payment)).toEqual(outcome);
});

it.each([
  [{ status: 200, body: { status: "refunded" } }, { kind: "refunded" }],
  [{ status: 200, body: { status: "nothing-to-refund" } }, { kind: "nothing-to-refund" }],
  [
    { status: 202, body: { status: "refunding" } },
    { kind: "unknown", why: "status 202" },
  ],
  [
    { status: 200, body: { status: "odd" } },
    { kind: "unknown", why: "status 200" },
  ],
  [{ status: 503 }, { kind: "unknown", why: "status 503" }],
])("of a refund, %j is %j", async (given, outcome) => {
  answer = given;
  expect(await partners.refund("o-1")).toEqual(outcome);
});
