import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT, generateKeyPair, importJWK, type JWK, type JWTPayload } from "jose";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { forgeToken, proofOf } from "../service-kit/identity/identity.fixture.ts";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startSpanSink, type SpanSink } from "../service-kit/tracing/spans.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { plantedCalls, plantedIn, plantedUser } from "./planted.fixture.ts";

/**
 * The whole shop, and what nobody may ask of it: each call is refused with a status and a plain error, and does nothing.
 * All of it is traced, and then looked through for what no span may hold: planted.fixture.ts.
 */

const services = [
  "gateway",
  "catalog",
  "user",
  "order",
  "payment",
  "notification",
  "recommendation",
] as const;
type Service = (typeof services)[number];

const stack = new AsyncDisposableStack();
const shop = new Map<Service, TestService>();
const databases = new Map<Service, pg.Pool>();

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const json = { "content-type": "application/json" };

let sink: SpanSink;
/** With what headers the SMS provider, a part of the outside world, was asked. */
const providerHeard: IncomingHttpHeaders[] = [];

async function startProvider(): Promise<string> {
  const provider = createServer(({ headers }, response) => {
    providerHeard.push(headers);
    response.writeHead(201).end("{}");
  });
  await once(provider.listen(0, "127.0.0.1"), "listening");
  stack.defer(() => {
    provider.closeAllConnections();
    provider.close();
  });
  return `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  sink = stack.use(await startSpanSink());
  const postgres = stack.use(await startPostgres());
  const outside = async (name: string): Promise<string> =>
    stack.use(await startTestService({ main: `outside-world/${name}.ts`, env: {} })).url;
  const [gatewayA, gatewayB] = await Promise.all([outside("gateway-a"), outside("gateway-b")]);
  const nobody = `127.0.0.1:${await freePort()}`;
  const smsUrl = await startProvider();
  const urlOf = (service: Service): string => shop.get(service)?.url ?? `http://${nobody}`;
  const start = async (service: Service): Promise<void> => {
    const url = await postgres.database(service);
    databases.set(
      service,
      stack.adopt(new pg.Pool({ connectionString: url, max: 1 }), (pool) => pool.end()),
    );
    const callees = Object.fromEntries(services.map((name) => [`${name.toUpperCase()}_URL`, urlOf(name)]));
    // Without patterns nothing is given up, so a busy machine changes no answer.
    const env = {
      PATTERNS: "none",
      GATEWAY_A_URL: gatewayA,
      GATEWAY_B_URL: gatewayB,
      SMS_URL: smsUrl,
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    };
    shop.set(
      service,
      stack.use(
        await startTestService({
          main: `${service}/main.ts`,
          env: { DATABASE_URL: url, ...callees, ...env, SMTP_URL: `smtp://${nobody}` },
        }),
      ),
    );
  };
  await Promise.all([start("catalog"), start("user"), start("payment")]);
  await Promise.all([start("recommendation"), start("notification")]);
  await start("order");
  await start("gateway");
  await prepareUsers();
}, 120_000);
afterAll(() => stack.disposeAsync());

function at(service: Service): TestService {
  const started = shop.get(service);
  if (started === undefined) throw new Error(`${service} is not up`);
  return started;
}

async function rows<R extends pg.QueryResultRow>(service: Service, sql: string): Promise<R[]> {
  return (await databases.get(service)?.query<R>(sql))?.rows ?? [];
}

/** What two shoppers have: the first an order, the second a session whose refresh token was used once. */
const first = { id: "user-001", access: "", orderId: "" };
const second = { id: "user-002", access: "", usedRefresh: "", endedRefresh: "" };

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
}

async function logIn(number: string): Promise<Session> {
  const credentials = { email: `user-${number}@shop.example`, password: `password-${number}` };
  return (await at("gateway").request("POST", "/api/login", credentials)).body as Session;
}

async function prepareUsers(): Promise<void> {
  first.access = (await logIn("001")).accessToken;
  const items = [{ productId: "p-0001", quantity: 1 }];
  const headers = { ...bearer(first.access), "idempotency-key": "first" };
  const placed = await at("gateway").request("POST", "/api/checkout", { items }, headers);
  first.orderId = (placed.body as { readonly orderId: string }).orderId;
  await waitFor("the order to be confirmed", async () => {
    const [order] = await rows<{ status: string }>("order", "select status from orders");
    return order?.status === "confirmed";
  });
  const used = await logIn("002");
  await at("gateway").request("POST", "/api/refresh", { refreshToken: used.refreshToken });
  const ended = await logIn("002");
  await at("gateway").request("POST", "/api/logout", { refreshToken: ended.refreshToken });
  Object.assign(second, {
    access: used.accessToken,
    usedRefresh: used.refreshToken,
    endedRefresh: ended.refreshToken,
  });
}

/** An access token as the user service would make it, but for what is changed. */
async function accessToken(
  claims: Readonly<JWTPayload> = {},
  { alg = "ES256", withForeignKey = false } = {},
): Promise<string> {
  const [row] = await rows<{ private_jwk: JWK & { readonly kid: string } }>(
    "user",
    "select private_jwk from signing_keys order by signs_from",
  );
  const { d: _private, ...publicJwk } = row?.private_jwk ?? {};
  const now = Math.floor(Date.now() / 1_000);
  const good = { sub: first.id, iss: "shop-user", aud: "shop", iat: now, exp: now + 900 };
  const key =
    alg === "HS256"
      ? new TextEncoder().encode(JSON.stringify(publicJwk)) // the public key taken for a shared secret
      : withForeignKey
        ? (await generateKeyPair("ES256")).privateKey
        : await importJWK(row?.private_jwk ?? {}, "ES256");
  return new SignJWT({ ...good, ...claims })
    .setProtectedHeader({ alg, kid: row?.private_jwk.kid ?? "" })
    .sign(key);
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const unsigned = (token: string): string => `${encoded({ alg: "none" })}.${token.split(".")[1]}.`;
/** The token with other claims under the old signature. */
const tampered = (token: string, claims: object): string => {
  const [header = "", payload = "", signature = ""] = token.split(".");
  const old = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  return `${header}.${encoded({ ...old, ...claims })}.${signature}`;
};

interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
}

const get = (path: string, headers?: Call["headers"]): Call => ({ method: "GET", path, headers });
const post = (path: string, body: unknown, headers?: Call["headers"]): Call => ({
  method: "POST",
  path,
  body,
  headers: { ...json, ...headers },
});

async function send(service: Service, { method, path, headers = {}, body }: Call) {
  const text = body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body);
  const answer = await fetch(at(service).url + path, { method, headers, body: text });
  return { status: answer.status, type: answer.headers.get("content-type"), text: await answer.text() };
}

type Row = readonly [what: string, call: () => Call | Promise<Call>, status: number, error?: string];

const basket = (token: string): Call => get("/api/basket", bearer(token));
const oneItem = { productId: "p-0001", quantity: 1 };
const checkout = (body: unknown, headers: Call["headers"] = { "idempotency-key": "forbidden" }): Call =>
  post("/api/checkout", body, { ...bearer(first.access), ...headers });

const atTheEdge: readonly Row[] = [
  ["nobody's basket", () => get("/api/basket"), 401, "not-logged-in"],
  ["a token that is none", () => basket("nonsense"), 401, "not-logged-in"],
  ["another scheme", () => get("/api/basket", { authorization: "Basic dXNlcjpwYXNz" }), 401, "not-logged-in"],
  ["a user named by a header", () => get("/api/basket", { "x-user-id": "user-001" }), 401, "not-logged-in"],
  ["an expired token", async () => basket(await accessToken({ exp: 1 })), 401, "not-logged-in"],
  [
    "a token of another audience",
    async () => basket(await accessToken({ aud: "bank" })),
    401,
    "not-logged-in",
  ],
  ["a token of another issuer", async () => basket(await accessToken({ iss: "bank" })), 401, "not-logged-in"],
  [
    "a token of nobody",
    async () => basket(await accessToken({ sub: undefined } as never)),
    401,
    "not-logged-in",
  ],
  ["an unsigned token", () => basket(unsigned(first.access)), 401, "not-logged-in"],
  ["a tampered token", () => basket(tampered(second.access, { sub: first.id })), 401, "not-logged-in"],
  [
    "a foreign key",
    async () => basket(await accessToken({}, { withForeignKey: true })),
    401,
    "not-logged-in",
  ],
  [
    "the public key as a secret",
    async () => basket(await accessToken({}, { alg: "HS256" })),
    401,
    "not-logged-in",
  ],
  [
    "a service's token",
    async () => get("/api/basket", await proofOf("order", "gateway", first.id)),
    401,
    "not-logged-in",
  ],
  ["another user's order", () => get(`/api/orders/${first.orderId}`, bearer(second.access)), 404],
  [
    "another user's order, by a header",
    () => get(`/api/orders/${first.orderId}`, { ...bearer(second.access), "x-user-id": first.id }),
    404,
  ],
  ["a path out of the orders", () => get("/api/orders/..%2F..%2Fmetrics", bearer(first.access)), 404],
  ["an endless id", () => get(`/api/orders/${"x".repeat(300)}`, bearer(first.access)), 404],
  ["a checkout without a key", () => checkout({ items: [oneItem] }, {}), 400],
  ["a quantity that is a word", () => checkout({ items: [{ ...oneItem, quantity: "many" }] }), 400],
  ["a quantity below one", () => checkout({ items: [{ ...oneItem, quantity: 0 }] }), 400],
  ["a part of a thing", () => checkout({ items: [{ ...oneItem, quantity: 1.5 }] }), 400],
  ["a product that is an object", () => checkout({ items: [{ productId: {}, quantity: 1 }] }), 400],
  ["more items than fit", () => checkout({ items: Array.from({ length: 101 }, () => oneItem) }), 400],
  ["a body that is no object", () => checkout(["items"]), 400],
  ["JSON that ends too soon", () => checkout('{"items": ['), 400],
  ["a prototype", () => checkout('{"__proto__": {"admin": true}}'), 400],
  ["an oversized body", () => checkout({ items: [], padding: "x".repeat(2_000_000) }), 413],
  [
    "a body of another type",
    () => ({ ...checkout("<items/>"), headers: { ...bearer(first.access), "content-type": "text/xml" } }),
    415,
  ],
  ["a NUL in a search", () => get("/api/search?q=%00"), 400],
  [
    "a wrong password",
    () => post("/api/login", { email: "user-003@shop.example", password: "wrong-password" }),
    401,
  ],
  [
    "an e-mail that is an object",
    () => post("/api/login", { email: { $ne: 1 }, password: "password-001" }),
    400,
  ],
  [
    "a password that is too short",
    () => post("/api/register", { email: "x@y.example", password: "x", name: "X" }),
    400,
  ],
  ["a refresh token that is none", () => post("/api/refresh", { refreshToken: "none" }), 401],
  ["a refresh token used before", () => post("/api/refresh", { refreshToken: second.usedRefresh }), 401],
  [
    "a refresh token of an ended session",
    () => post("/api/refresh", { refreshToken: second.endedRefresh }),
    401,
  ],
  [
    "a method that is not there",
    () => ({ method: "DELETE", path: "/api/basket", headers: bearer(first.access) }),
    404,
  ],
];

const reserve = (headers: Call["headers"]): Call =>
  post("/reservations", { orderId: "forbidden", items: [oneItem] }, headers);
const pay = (headers: Call["headers"], amountCents: unknown = 100): Call =>
  post("/payments", { orderId: "forbidden", amountCents, userId: first.id }, headers);
const placeOrder = (headers: Call["headers"]): Call =>
  post("/orders", { items: [oneItem] }, { "idempotency-key": "forbidden", ...headers });
const event = (headers: Call["headers"]): Call =>
  post(
    "/events",
    {
      id: "forbidden",
      type: "order.confirmed",
      orderId: "forbidden",
      userId: first.id,
      totalCents: 1,
      items: [],
    },
    headers,
  );
const forged = async (...forgery: Parameters<typeof forgeToken>): Promise<Call> =>
  pay(bearer(await forgeToken(...forgery)));

const betweenServices: Readonly<Partial<Record<Service, readonly Row[]>>> = {
  catalog: [
    ["products for nobody", () => get("/products"), 401, "caller-not-proved"],
    ["products for a user", () => get("/products", bearer(first.access)), 401, "caller-not-proved"],
    [
      "products for order",
      async () => get("/products", await proofOf("order", "catalog")),
      403,
      "caller-not-allowed",
    ],
    ["a reservation by nobody", () => reserve({}), 401, "caller-not-proved"],
    [
      "a reservation by gateway",
      async () => reserve(await proofOf("gateway", "catalog")),
      403,
      "caller-not-allowed",
    ],
    [
      "a release by payment",
      async () => post("/reservations/x/release", {}, await proofOf("payment", "catalog")),
      403,
    ],
    ["a token replayed from payment", async () => reserve(await proofOf("order", "payment")), 401],
    ["an event by notification", async () => event(await proofOf("notification", "catalog")), 403],
  ],
  user: [
    [
      "a contact for gateway",
      async () => get("/users/user-001/contact", await proofOf("gateway", "user", first.id)),
      403,
    ],
    ["a profile for nobody", () => get("/users/user-001/profile", { "x-user-id": first.id }), 401],
    [
      "a profile on nobody's behalf",
      async () =>
        get("/users/user-001/profile", { ...(await proofOf("gateway", "user")), "x-user-id": first.id }),
      403,
      "no-user",
    ],
    [
      "another user's profile",
      async () => get("/users/user-001/profile", await proofOf("gateway", "user", second.id)),
      403,
      "other-user",
    ],
    [
      "a change of another user's profile",
      async () => ({
        ...post(
          "/users/user-001/profile",
          { name: "Forbidden" },
          await proofOf("gateway", "user", second.id),
        ),
        method: "PATCH",
      }),
      403,
      "other-user",
    ],
    [
      "a log-in by order",
      async () => post("/sessions", { email: "a@b", password: "password" }, await proofOf("order", "user")),
      403,
    ],
    ["the public keys for nobody", () => get("/.well-known/jwks.json"), 401],
  ],
  order: [
    ["an order by a header", () => placeOrder({ "x-user-id": first.id }), 401],
    ["an order for nobody", async () => placeOrder(await proofOf("gateway", "order")), 403, "no-user"],
    ["an order by payment", async () => placeOrder(await proofOf("payment", "order", first.id)), 403],
    [
      "another user's order",
      async () => get(`/orders/${first.orderId}`, await proofOf("gateway", "order", second.id)),
      404,
    ],
    [
      "an order without a key",
      async () => post("/orders", { items: [oneItem] }, await proofOf("gateway", "order", first.id)),
      400,
    ],
  ],
  payment: [
    ["a payment by nobody", () => pay({}), 401],
    ["a payment by gateway", async () => pay(await proofOf("gateway", "payment", first.id)), 403],
    [
      "a refund by gateway",
      async () => post("/payments/x/refund", {}, await proofOf("gateway", "payment")),
      403,
    ],
    ["an amount that is an object", async () => pay(await proofOf("order", "payment", first.id), {}), 400],
    ["an amount below zero", async () => pay(await proofOf("order", "payment", first.id), -100), 400],
    ["an expired token", () => forged({ iatSeconds: -120 }), 401],
    ["a token that says it lives for a day", () => forged({ iatSeconds: -120, lifeSeconds: 86_400 }), 401],
    ["a token of the future", () => forged({ iatSeconds: 60 }), 401],
    ["a token for catalog", () => forged({ claims: { aud: "catalog" } }), 401],
    ["an unknown service", () => forged({ claims: { iss: "stranger" } }), 401],
    ["a service that is a path", () => forged({ claims: { iss: "../public/order" } }), 401],
    ["an unknown key", () => forged({ header: { kid: "none" } }), 401],
    ["a foreign key", () => forged({ withForeignKey: true }), 401],
    ["a token of another kind", () => forged({ header: { typ: "JWT" } }), 401],
    ["an unsigned token", async () => pay(bearer(unsigned(await forgeToken()))), 401],
    ["a tampered token", async () => pay(bearer(tampered(await forgeToken(), { sub: "user-001" }))), 401],
  ],
  notification: [
    ["an event by nobody", () => event({}), 401],
    ["an event by catalog", async () => event(await proofOf("catalog", "notification")), 403],
  ],
  recommendation: [
    ["an event by gateway", async () => event(await proofOf("gateway", "recommendation")), 403],
    [
      "recommendations for catalog",
      async () => get("/recommendations", await proofOf("catalog", "recommendation")),
      403,
    ],
  ],
};

const table: readonly (readonly [Service, ...Row])[] = [
  ...atTheEdge.map((row) => ["gateway", ...row] as const),
  ...Object.entries(betweenServices).flatMap(([service, of]) =>
    of.map((row) => [service as Service, ...row] as const),
  ),
];

async function state(): Promise<unknown> {
  return Promise.all([
    rows("order", "select id, status from orders order by id"),
    rows("payment", "select order_id from payments order by order_id"),
    rows("catalog", "select order_id from reservations where order_id = 'forbidden'"),
    rows("catalog", "select event_id from inbox where event_id = 'forbidden'"),
    rows("notification", "select event_id from inbox where event_id = 'forbidden'"),
    rows("recommendation", "select event_id from inbox where event_id = 'forbidden'"),
    rows("user", "select name from users where name = 'Forbidden' or email = 'x@y.example'"),
  ]);
}

it("the table has forty calls at least", () => {
  expect(table.length).toBeGreaterThanOrEqual(40);
});

it("the calls that the forbidden ones are made of are let in when they are as they should be", async () => {
  const status = async (service: Service, call: Call): Promise<number> => (await send(service, call)).status;
  expect(await status("gateway", basket(await accessToken()))).toBe(200);
  expect(await status("gateway", get(`/api/orders/${first.orderId}`, bearer(first.access)))).toBe(200);
  expect(await status("catalog", get("/products", await proofOf("gateway", "catalog")))).toBe(200);
  expect(
    await status("user", get("/users/user-001/profile", await proofOf("gateway", "user", first.id))),
  ).toBe(200);
  const known = post("/payments/none/refund", {}, bearer(await forgeToken()));
  expect(await status("payment", known)).toBe(200);
});

it("each service can be described, for which all its schemas are compiled", async () => {
  const statuses = services.map(
    async (service) => (await at(service).request("GET", "/openapi.json")).status,
  );
  expect(await Promise.all(statuses)).toEqual(services.map(() => 200));
});

describe("is refused, in plain words:", () => {
  let before: unknown;
  beforeAll(async () => {
    before = await state();
  });

  for (const [service, what, call, status, error] of table)
    it(`${service}: ${what}`, async () => {
      const answer = await send(service, await call());
      expect({ status: answer.status, text: answer.text }).toMatchObject({ status });
      expect(answer.type).toMatch(/^application\/json/);
      const body = JSON.parse(answer.text) as Readonly<Record<string, unknown>>;
      expect(Object.keys(body).sort()).toEqual(["error", "message"]);
      if (error !== undefined) expect(body["error"]).toBe(error);
      expect(answer.text).not.toMatch(/\bat .*:\d+|node_modules|\.ts\b|eyJ|select |SQLSTATE/);
    });

  it("and none of it has changed anything", async () => {
    expect(await state()).toEqual(before);
  });
});

it("no service has logged a token or a password that it was sent", () => {
  for (const service of services)
    expect(at(service).log()).not.toMatch(/eyJ[\w-]+\.|password-00|wrong-password|Bearer (?!\[redacted\])/);
});

it("baggage reaches the last service and whom that asks, over calls and outbox; nothing else that a client sends does", async () => {
  const { body } = await at("gateway").request("POST", "/api/register", plantedUser);
  expect(body).toMatchObject({ userId: expect.any(String) as string });
  const session = (await at("gateway").request("POST", "/api/login", plantedUser)).body as Session;
  for (const call of plantedCalls(session)) await send("gateway", call);
  const orderId = await waitFor("the planted order", async () => {
    const [order] = await rows<{ id: string }>(
      "order",
      "select id from orders where idempotency_key like '%planted'",
    );
    return order?.id;
  });
  await waitFor("a message by SMS", () => providerHeard.length > 0);
  for (const { baggage, tracestate, traceparent, cookie } of providerHeard)
    expect([baggage, tracestate, cookie, typeof traceparent]).toEqual([
      "squall.journey=checkout,squall.cohort=treatment",
      undefined,
      undefined,
      "string",
    ]);
  const processed = await waitFor("the last service's span", () =>
    sink.spans.find(
      ({ service, kind, attributes }) =>
        service === "notification" && kind === 5 && attributes["shop.order.id"] === orderId,
    ),
  );
  expect(processed.attributes).toMatchObject({
    "squall.journey": "checkout",
    "squall.cohort": "treatment",
    "messaging.operation.type": "process",
    "messaging.destination.name": expect.stringMatching(/^(email|sms)$/) as string,
  });
  const tellers = ["catalog", "gateway", "notification", "order", "payment", "recommendation"];
  const told = await waitFor("each service's spans of the order", () => {
    const ofOrder = sink.spans.filter(({ attributes }) => attributes["shop.order.id"] === orderId);
    const from = [...new Set(ofOrder.map(({ service }) => service))].toSorted();
    return from.length >= tellers.length ? from : undefined;
  });
  expect(told).toEqual(tellers);
});

it("no service has sent a card number, password, token, or anybody's address in a span", async () => {
  expect(await Promise.all(services.map((service) => at(service).stop()))).toEqual(services.map(() => 0));
  const own = [first.access, second.access, second.usedRefresh, second.endedRefresh];
  const text = JSON.stringify(sink.spans);
  expect(plantedIn(text)).toEqual([]);
  expect(own.filter((token) => text.includes(token))).toEqual([]);
  // They were asked, and told of it.
  expect(new Set(sink.spans.map(({ service }) => service))).toEqual(new Set(services));
  for (const blanked of ["q=REDACTED", "/api/orders/REDACTED", "/api/products/REDACTED", "[redacted]"])
    expect(text).toContain(blanked);
});
