import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startPostgres } from "../service-kit/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

interface LedgerRow {
  readonly gateway: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly status: string;
  readonly captures: number;
}

const stack = new AsyncDisposableStack();
let payment: TestService;
let paymentWith: (patterns: string) => Promise<TestService>;
let gatewayA: TestService;
let gatewayB: TestService;
let toA: TcpRelay;
let toB: TcpRelay;

beforeAll(async () => {
  const postgres = stack.use(await startPostgres());
  const database = await postgres.database("payment");
  [gatewayA, gatewayB] = await Promise.all([
    startTestService({ main: "outside-world/gateway-a.ts", env: {} }),
    startTestService({ main: "outside-world/gateway-b.ts", env: {} }),
  ]);
  stack.use(gatewayA);
  stack.use(gatewayB);
  toA = stack.use(await startTcpRelay(portOf(gatewayA)));
  toB = stack.use(await startTcpRelay(portOf(gatewayB)));
  paymentWith = (patterns) =>
    startTestService({
      main: "payment/main.ts",
      env: {
        DATABASE_URL: database,
        GATEWAY_A_URL: `http://127.0.0.1:${toA.port}`,
        GATEWAY_B_URL: `http://127.0.0.1:${toB.port}`,
        PATTERNS: patterns,
      },
    });
  payment = stack.use(await paymentWith("full"));
  await pay("first"); // what a process does for the first time takes longest
});

beforeEach(() => {
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
});

afterAll(() => stack.disposeAsync());

const portOf = ({ url }: TestService): number => Number(new URL(url).port);

const pay = (orderId: string, amountCents = 500, service = payment) =>
  service.as("order").request("POST", "/payments", { orderId, amountCents });

/** What both gateways hold for an order: `gateway-a captured 1` (times captured). */
async function held(orderId: string): Promise<string[]> {
  const ledgers = await Promise.all([gatewayA, gatewayB].map((gateway) => gateway.request("GET", "/ledger")));
  return ledgers
    .flatMap(({ body }) => body as LedgerRow[])
    .filter((row) => row.orderId === orderId)
    .map(({ gateway, status, captures }) => `${gateway} ${status} ${captures}`);
}

it("a payment is captured once at the first gateway, however often and however concurrently it is asked for", async () => {
  const first = await Promise.all(Array.from({ length: 5 }, () => pay("once")));
  const again = await pay("once");
  expect(first.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
  expect(again).toEqual(first[0]);
  expect(again.body).toMatchObject({ orderId: "once", status: "captured", gateway: "gateway-a" });
  expect(await held("once")).toEqual(["gateway-a captured 1"]);
  expect((await payment.as("order").request("GET", "/payments/once")).body).toMatchObject({
    amountCents: 500,
  });
  expect((await pay("once", 501)).status).toBe(409);
});

it("a gateway that authorises and is not heard loses the payment to the other one, and its authorisation is voided", async () => {
  toA.become({ kind: "swallow-answers" });
  expect((await pay("silent-a")).body).toMatchObject({ status: "captured", gateway: "gateway-b" });
  expect(await held("silent-a")).toEqual(["gateway-a authorized 0", "gateway-b captured 1"]);
  toA.become({ kind: "pass" });
  await waitFor("the stray authorisation to be voided", async () =>
    (await held("silent-a")).includes("gateway-a voided 0"),
  );
  expect(await held("silent-a")).toEqual(["gateway-a voided 0", "gateway-b captured 1"]);
});

it("a gateway that is down loses the payment to the other one and is left alone afterwards", async () => {
  toA.become({ kind: "cut" });
  expect((await pay("down-a")).body).toMatchObject({ status: "captured", gateway: "gateway-b" });
  expect(await held("down-a")).toEqual(["gateway-b captured 1"]);
});

it("with both gateways down a payment is pending, and taken when it is asked for again", async () => {
  toA.become({ kind: "cut" });
  toB.become({ kind: "cut" });
  expect(await pay("both-down")).toMatchObject({ status: 202, body: { status: "pending" } });
  expect(await held("both-down")).toEqual([]);
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
  await waitFor("the payment to be taken", async () => (await pay("both-down")).status === 201);
  expect((await held("both-down")).filter((row) => row.endsWith("captured 1"))).toHaveLength(1);
});

it("a capture that is not heard is pending, found out later, and never taken to the other gateway", async () => {
  // Only gateway B can be reached, and of it all is heard but the capture.
  toA.become({ kind: "cut" });
  toB.become({ kind: "swallow-answers", to: "/captures" });
  expect(await pay("unheard")).toMatchObject({ status: 202 });
  expect(await held("unheard")).toEqual(["gateway-b captured 1"]);
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
  await waitFor("the sweeper to find the capture out", async () => {
    const { body } = await payment.as("order").request("GET", "/payments/unheard");
    return (body as { status: string }).status === "captured";
  });
  expect((await pay("unheard")).body).toMatchObject({ status: "captured", gateway: "gateway-b" });
  expect(await held("unheard")).toEqual(["gateway-b captured 1"]);
});

it("a payment above what the banks allow is declined by either gateway, for good", async () => {
  expect(await pay("too-much", 1_000_001)).toMatchObject({ status: 402, body: { status: "declined" } });
  toA.become({ kind: "cut" });
  expect((await pay("too-much-b", 1_000_001)).status).toBe(402);
  expect((await pay("too-much", 1_000_001)).status).toBe(402);
  expect([...(await held("too-much")), ...(await held("too-much-b"))]).toEqual([]);
});

it("a captured payment is given back once, and is not taken again", async () => {
  await pay("back");
  for (const _ of [1, 2])
    expect(await payment.as("order").request("POST", "/payments/back/refund")).toEqual({
      status: 200,
      body: { status: "refunded" },
    });
  expect(await pay("back")).toMatchObject({ status: 409, body: { error: "payment-cancelled" } });
  expect((await held("back")).map((row) => row.split(" ")[1])).toEqual(["refunded"]);
});

it("a refund that comes before the payment keeps it from ever being taken", async () => {
  const refund = await payment.as("order").request("POST", "/payments/early/refund");
  expect(refund.body).toEqual({ status: "nothing-to-refund" });
  expect((await pay("early")).status).toBe(409);
  expect(await held("early")).toEqual([]);
});

it("a refund that the gateway does not hear is promised, and made when it does", async () => {
  const { body } = await pay("later");
  const edge = (body as { gateway: string }).gateway === "gateway-a" ? toA : toB;
  edge.become({ kind: "cut" });
  expect(await payment.as("order").request("POST", "/payments/later/refund")).toMatchObject({
    status: 202,
    body: { status: "refunding" },
  });
  edge.become({ kind: "pass" });
  await waitFor("the refund", async () => (await held("later")).some((row) => row.includes("refunded")));
});

it("a process killed in the middle of a capture leaves a payment that the next one finishes", async () => {
  toA.become({ kind: "swallow-answers", to: "/capture" });
  toB.become({ kind: "swallow-answers", to: "/captures" });
  const doomed = await paymentWith("none");
  const lost = pay("killed", 500, doomed).catch(() => "no answer");
  await waitFor("the capture", async () => (await held("killed")).some((row) => row.endsWith("captured 1")));
  await doomed.stop("SIGKILL");
  expect(await lost).toBe("no answer");
  toA.become({ kind: "pass" });
  toB.become({ kind: "pass" });
  await waitFor("the payment to be known as captured", async () => (await pay("killed")).status === 201);
  expect(await held("killed")).toEqual([expect.stringMatching(/ captured 1$/)]);
});

it("without patterns a slow gateway is waited for", async () => {
  await using patient = await paymentWith("none");
  toA.become({ kind: "delay", requestsMs: 600 }); // authorise and capture: 1.2 s, more than any deadline
  expect((await pay("slow", 500, patient)).body).toMatchObject({ gateway: "gateway-a" });
  expect(await held("slow")).toEqual(["gateway-a captured 1"]);
});
