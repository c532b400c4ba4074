import { decodeProtectedHeader } from "jose";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../test/free-port.fixture.ts";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startSpanSink, type SpanSink, type TestSpan } from "../service-kit/tracing/spans.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

/** Catalog, accounts, recommendations and the edge, as processes against a real PostgreSQL; orders are not there. */

let postgres: TestPostgres;
let sink: SpanSink;
let catalogUrl: string;
let userUrl: string;
let catalog: TestService;
let user: TestService;
let recommendation: TestService;
let gateway: TestService;
/** An address where nobody listens. */
let nobody: string;

function start(
  service: string,
  databaseUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<TestService> {
  return startTestService({
    main: `${service}/main.ts`,
    env: {
      DATABASE_URL: databaseUrl,
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
      ...env,
    },
  });
}

beforeAll(async () => {
  [postgres, sink] = await Promise.all([startPostgres(), startSpanSink()]);
  nobody = `http://127.0.0.1:${await freePort()}`;
  catalogUrl = await postgres.database("catalog");
  userUrl = await postgres.database("user");
  const [recommendationUrl, gatewayUrl] = [
    await postgres.database("recommendation"),
    await postgres.database("gateway"),
  ];
  [catalog, user] = await Promise.all([start("catalog", catalogUrl), start("user", userUrl)]);
  recommendation = await start("recommendation", recommendationUrl, { CATALOG_URL: catalog.url });
  gateway = await start("gateway", gatewayUrl, {
    CATALOG_URL: catalog.url,
    USER_URL: user.url,
    RECOMMENDATION_URL: recommendation.url,
    ORDER_URL: nobody,
    PAYMENT_URL: nobody,
  });
});
afterAll(async () => {
  await Promise.all([gateway, catalog, user, recommendation].map((service) => service.stop("SIGKILL")));
  await postgres[Symbol.asyncDispose]();
  await sink[Symbol.asyncDispose]();
});

describe("catalog", () => {
  const reserve = (orderId: string, ...items: readonly (readonly [productId: string, quantity: number])[]) =>
    catalog.as("order").request("POST", "/reservations", {
      orderId,
      items: items.map(([productId, quantity]) => ({ productId, quantity })),
    });
  const release = (orderId: string) =>
    catalog.as("order").request("POST", `/reservations/${orderId}/release`);
  const confirm = (eventId: string, orderId: string) =>
    catalog.as("order").request("POST", "/events", { id: eventId, type: "order.confirmed", orderId });

  async function inCatalog(sql: string): Promise<readonly Record<string, unknown>[]> {
    const client = new pg.Client(catalogUrl);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  /** What the shop's invariant reads: where the stock of a product is. */
  async function stockOf(productId: string): Promise<unknown> {
    const [stock] = await inCatalog(`
      select p.available, coalesce(sum(r.quantity) filter (where r.status = 'reserved'), 0)::int as reserved,
        coalesce(sum(r.quantity) filter (where r.status = 'committed'), 0)::int as committed
      from products p left join reservation_lines r on r.product_id = p.id where p.id = '${productId}' group by p.id`);
    return stock;
  }

  it("is seeded with the same 520 products in ten categories for the same seed, with others for another", async () => {
    const names = async (service: TestService): Promise<unknown> =>
      (await service.as("gateway").request("GET", "/products?page=3&limit=100")).body;
    await using twin = await start("catalog", await postgres.database("twin"));
    await using other = await start("catalog", await postgres.database("other"), { SEED: "other" });
    expect(await names(catalog)).toMatchObject({ page: 3, total: 520 });
    expect(await names(twin)).toEqual(await names(catalog));
    expect(await names(other)).not.toEqual(await names(catalog));
    expect(await inCatalog("select count(distinct category)::int as n from products")).toEqual([{ n: 10 }]);
  });

  it("lists by category and page, shows one product, and answers 404 for none", async () => {
    const { body } = await catalog.as("gateway").request("GET", "/products?category=garden&page=2&limit=5");
    const { products, total } = body as { products: { id: string; category: string }[]; total: number };
    expect([products.length, total, new Set(products.map(({ category }) => category))]).toEqual([
      5,
      52,
      new Set(["garden"]),
    ]);
    expect(await catalog.as("gateway").request("GET", `/products/${products[0]?.id}`)).toMatchObject({
      status: 200,
      body: { ...products[0], description: expect.stringContaining("garden") as string },
    });
    expect(await catalog.as("gateway").request("GET", "/products/none")).toMatchObject({
      status: 404,
      body: { error: "product-not-found" },
    });
  });

  it("gives products by their ids in the order asked, and leaves out ids it does not know", async () => {
    const { body } = await catalog.as("gateway").request("GET", "/products?ids=p-0009,none,p-0002");
    expect((body as { products: { id: string }[] }).products.map(({ id }) => id)).toEqual([
      "p-0009",
      "p-0002",
    ]);
  });

  it("finds what is searched for by its words, and nothing for words that no product has", async () => {
    const { body } = await catalog.as("gateway").request("GET", "/search?q=lamps");
    const { products } = body as { products: { name: string }[] };
    expect(products.length).toBeGreaterThan(0);
    for (const { name } of products) expect(name).toMatch(/lamp/i);
    expect((await catalog.as("gateway").request("GET", "/search?q=zeppelin")).body).toEqual({ products: [] });
  });

  it("a reservation asked for again answers the same and takes nothing more", async () => {
    const first = await reserve("r-1", ["p-0101", 2], ["p-0102", 1], ["p-0101", 1]);
    expect(first.status).toBe(201);
    expect(await reserve("r-1", ["p-0101", 2], ["p-0102", 1], ["p-0101", 1])).toEqual(first);
    const { lines, totalCents } = first.body as {
      lines: { productId: string; quantity: number; priceCents: number }[];
      totalCents: number;
    };
    expect(lines.map(({ productId, quantity }) => [productId, quantity])).toEqual([
      ["p-0101", 3],
      ["p-0102", 1],
    ]);
    expect(totalCents).toBe(lines.reduce((sum, line) => sum + line.quantity * line.priceCents, 0));
    expect(await stockOf("p-0101")).toEqual({ available: 99_997, reserved: 3, committed: 0 });
  });

  it("a reservation of which one line cannot be had takes nothing at all", async () => {
    await inCatalog("update products set available = 1, initial_stock = 1 where id = 'p-0104'");
    expect(await reserve("r-2", ["p-0103", 1], ["p-0104", 2])).toMatchObject({
      status: 409,
      body: { error: "out-of-stock" },
    });
    expect(await reserve("r-3", ["p-0103", 1], ["none", 1])).toMatchObject({
      status: 404,
      body: { error: "product-not-found" },
    });
    expect(await stockOf("p-0103")).toEqual({ available: 100_000, reserved: 0, committed: 0 });
  });

  it("of fifty buyers of the last ten items at once, ten get one and nobody gets what is not there", async () => {
    await inCatalog(
      "update products set available = 10, initial_stock = 10 where id in ('p-0110', 'p-0111')",
    );
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, buyer) =>
        // Half of them name the products the other way round: locks must not be taken in that order.
        buyer % 2 === 0
          ? reserve(`last-${buyer}`, ["p-0110", 1], ["p-0111", 1])
          : reserve(`last-${buyer}`, ["p-0111", 1], ["p-0110", 1]),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(40);
    expect(await stockOf("p-0110")).toEqual({ available: 0, reserved: 10, committed: 0 });
    expect(await stockOf("p-0111")).toEqual({ available: 0, reserved: 10, committed: 0 });
  });

  it("a release gives back once, however often it is asked for", async () => {
    await reserve("r-4", ["p-0120", 5]);
    expect([(await release("r-4")).status, (await release("r-4")).status]).toEqual([204, 204]);
    expect(await stockOf("p-0120")).toEqual({ available: 100_000, reserved: 0, committed: 0 });
    expect(await reserve("r-4", ["p-0120", 5])).toMatchObject({
      status: 409,
      body: { error: "already-released" },
    });
  });

  it("an order released before it reserved is refused when its reservation comes late", async () => {
    expect((await release("late")).status).toBe(204);
    expect(await reserve("late", ["p-0121", 1])).toMatchObject({
      status: 409,
      body: { error: "already-released" },
    });
  });

  it("of a reservation and its release at the same time, nothing stays taken", async () => {
    const orders = Array.from({ length: 20 }, (_, order) => `race-${order}`);
    await Promise.all(orders.flatMap((order) => [reserve(order, ["p-0122", 1]), release(order)]));
    expect(await stockOf("p-0122")).toEqual({ available: 100_000, reserved: 0, committed: 0 });
  });

  it("a confirmed order commits its reservation once; a repeat, and a release after it, change nothing", async () => {
    await reserve("r-5", ["p-0130", 4]);
    expect([(await confirm("e-5", "r-5")).status, (await confirm("e-5", "r-5")).status]).toEqual([204, 204]);
    await release("r-5");
    expect(await stockOf("p-0130")).toEqual({ available: 99_996, reserved: 0, committed: 4 });
    expect((await reserve("r-5", ["p-0130", 4])).status).toBe(201);
  });
});

describe("accounts", () => {
  const login = (email: string, password: string) =>
    gateway.request("POST", "/api/login", { email, password });

  it("a new account can log in, its address in any case; a wrong password and an unknown address cannot", async () => {
    const account = { email: "New.User@shop.example", password: "correct horse", name: "New" };
    const registered = await gateway.request("POST", "/api/register", account);
    expect(registered).toMatchObject({ status: 201, body: { userId: expect.any(String) as string } });
    expect(await login("new.user@SHOP.example", account.password)).toMatchObject({
      status: 201,
      body: { ...(registered.body as object), expiresInSeconds: 900 },
    });
    expect(await login(account.email, "wrong horse")).toMatchObject({
      status: 401,
      body: { error: "wrong-credentials" },
    });
    expect(await login("nobody@shop.example", "whatever it is")).toMatchObject({
      status: 401,
      body: { error: "wrong-credentials" },
    });
    expect(await gateway.request("POST", "/api/register", account)).toMatchObject({
      status: 409,
      body: { error: "email-taken" },
    });
  });

  it("a registration that is repeated with its key gives the same account, and its key is good for no other", async () => {
    const account = { email: "twice@shop.example", password: "correct horse", name: "Twice" };
    const register = (body: object) =>
      gateway.request("POST", "/api/register", body, { "idempotency-key": "registration-1" });
    const [first, meanwhile] = await Promise.all([register(account), register(account)]);
    expect(first).toMatchObject({ status: 201, body: { userId: expect.any(String) as string } });
    expect([meanwhile, await register(account)]).toEqual([first, first]);
    expect(await register({ ...account, email: "other@shop.example" })).toMatchObject({
      status: 422,
      body: { error: "key-reused" },
    });
    expect(await (await fetch(`${user.url}/metrics`)).text()).toMatch(
      /^idempotency_duplicates_suppressed_total\{(?=.*operation="POST \/users").*\} 2$/m,
    );
  });

  it("fifty shoppers are seeded, every second one with a phone and so with SMS", async () => {
    expect((await login("user-050@shop.example", "password-050")).status).toBe(201);
    expect((await user.as("notification").request("GET", "/users/user-001/contact")).body).toMatchObject({
      phone: null,
      channels: ["email"],
    });
    expect((await user.as("notification").request("GET", "/users/user-002/contact")).body).toMatchObject({
      phone: expect.any(String) as string,
      channels: ["email", "sms"],
    });
    expect((await user.as("notification").request("GET", "/users/user-051/contact")).status).toBe(404);
  });

  it("the published keys are public ones, and a restart keeps them", async () => {
    const url = await postgres.database("user-restarted");
    const keysOf = async (): Promise<unknown> => {
      await using service = await start("user", url);
      return (await service.as("gateway").request("GET", "/.well-known/jwks.json")).body;
    };
    const keys = await keysOf();
    expect(keys).toMatchObject({ keys: [{ kty: "EC", crv: "P-256", alg: "ES256" }] });
    expect(JSON.stringify(keys)).not.toContain('"d":');
    expect(await keysOf()).toEqual(keys);
  });
});

describe("recommendation", () => {
  const recommended = async (query: string, userId?: string): Promise<unknown> =>
    (await recommendation.as("gateway", userId).request("GET", `/recommendations?${query}`)).body;
  const confirm = (id: string, userId: string, ...productIds: readonly string[]) =>
    recommendation.as("order").request("POST", "/events", {
      id,
      type: "order.confirmed",
      orderId: id,
      userId,
      items: productIds.map((productId) => ({ productId, quantity: 1 })),
    });

  it("puts first what is bought together most, counting each event once", async () => {
    for (const event of ["b-1", "b-2", "b-3", "b-3", "b-3"])
      await confirm(event, "user-009", "new-1", "new-2");
    for (const event of ["b-4", "b-5", "b-6", "b-7"]) await confirm(event, "user-009", "new-1", "new-3");
    expect(await recommended("productId=new-1&limit=2")).toEqual({
      products: ["new-3", "new-2"],
      source: "bought-together",
    });
  });

  it("falls back to what is popular for a product that nobody bought with another", async () => {
    expect(await recommended("productId=unheard-of")).toMatchObject({
      products: { length: 4 },
      source: "popular",
    });
  });

  it("leaves out what the shopper has bought already", async () => {
    await confirm("o-1", "user-010", "new-5", "new-6");
    await confirm("o-2", "user-011", "new-5", "new-7");
    expect(await recommended("productId=new-5", "user-010")).toEqual({
      products: ["new-7"],
      source: "bought-together",
    });
  });
});

describe("gateway", () => {
  async function bearerOf(number: string): Promise<Readonly<Record<string, string>>> {
    const { body } = await gateway.request("POST", "/api/login", {
      email: `user-${number}@shop.example`,
      password: `password-${number}`,
    });
    return { authorization: `Bearer ${(body as { accessToken: string }).accessToken}` };
  }

  it("a product page shows what is bought with the product, by name and price", async () => {
    const page = await gateway.request("GET", "/api/products/p-0001");
    expect(page).toMatchObject({
      status: 200,
      body: { product: { id: "p-0001" }, recommendations: { length: 4 }, degraded: false },
    });
    const [first] = (page.body as { recommendations: { id: string; name: string; priceCents: number }[] })
      .recommendations;
    expect((await catalog.as("gateway").request("GET", `/products/${first?.id}`)).body).toMatchObject({
      ...first,
    });
  });

  it.each(["none", "full"])(
    "a product page lives without the recommendation service, with patterns=%s",
    async (patterns) => {
      await using alone = await start("gateway", await postgres.database(`gateway-${patterns}`), {
        PATTERNS: patterns,
        CATALOG_URL: catalog.url,
        USER_URL: user.url,
        RECOMMENDATION_URL: nobody,
        ORDER_URL: nobody,
        PAYMENT_URL: nobody,
      });
      expect(await alone.request("GET", "/api/products/p-0001")).toMatchObject({
        status: 200,
        body: { product: { id: "p-0001" }, recommendations: [], degraded: true },
      });
      expect(await (await fetch(`${alone.url}/metrics`)).text()).toMatch(
        /^fallback_served_total\{(?=.*fallback="recommendations").*\} 1$/m,
      );
      // What else to recommend to nobody in particular: what sells best.
      expect(await alone.request("GET", "/api/recommendations?limit=3")).toMatchObject({
        status: 200,
        body: { source: "popular", products: { length: 3 }, degraded: true },
      });
    },
  );

  it("a product that there is not is a 404, not a failure", async () => {
    expect(await gateway.request("GET", "/api/products/none")).toMatchObject({ status: 404 });
  });

  it("listings are sorted, and categories named", async () => {
    const { body } = await gateway.request("GET", "/api/products?category=books&sort=price&limit=100");
    const prices = (body as { products: { priceCents: number }[] }).products.map(
      ({ priceCents }) => priceCents,
    );
    expect(prices).toEqual([...prices].sort((a, b) => a - b));
    expect((await gateway.request("GET", "/api/categories")).body).toMatchObject({
      categories: { length: 10 },
    });
    expect((await gateway.request("GET", "/api/products?sort=none")).status).toBe(400);
  });

  it("a profile is its user's own; what they named as favourites is recommended to them", async () => {
    const [mine, theirs] = [await bearerOf("031"), await bearerOf("032")];
    const named = { favouriteCategories: ["garden"] };
    expect(await gateway.request("PATCH", "/api/profile", named, mine)).toMatchObject({
      status: 200,
      body: named,
    });
    expect((await gateway.request("GET", "/api/profile", undefined, mine)).body).toMatchObject({
      userId: "user-031",
      ...named,
    });
    expect((await gateway.request("GET", "/api/profile", undefined, theirs)).body).toMatchObject({
      userId: "user-032",
      favouriteCategories: [],
    });
    expect(await gateway.request("GET", "/api/profile")).toMatchObject({ status: 401 });
    const forMe = await waitFor("categories to be learned", async () => {
      const { body } = await gateway.request("GET", "/api/recommendations?limit=6", undefined, mine);
      return (
        (body as { source: string }).source === "preferences" && (body as { products: { id: string }[] })
      );
    });
    const ids = forMe.products.map(({ id }) => id);
    const { body } = await catalog.as("gateway").request("GET", `/products?ids=${ids.join(",")}`);
    const { products } = body as { products: { category: string }[] };
    expect([products.length, new Set(products.map(({ category }) => category))]).toEqual([
      6,
      new Set(["garden"]),
    ]);
    expect((await gateway.request("GET", "/api/recommendations")).body).toMatchObject({
      source: "popular",
      products: { length: 8 },
      degraded: false,
    });
  });

  it("a session goes on with its refresh token, and ends with a log-out", async () => {
    const { body } = await gateway.request("POST", "/api/login", {
      email: "user-033@shop.example",
      password: "password-033",
    });
    const { refreshToken } = body as { refreshToken: string };
    const refreshed = await gateway.request("POST", "/api/refresh", { refreshToken });
    const next = refreshed.body as { accessToken: string; refreshToken: string };
    expect(refreshed).toMatchObject({ status: 200, body: { userId: "user-033", expiresInSeconds: 900 } });
    const bearer = { authorization: `Bearer ${next.accessToken}` };
    expect((await gateway.request("GET", "/api/basket", undefined, bearer)).status).toBe(200);
    expect((await gateway.request("POST", "/api/logout", { refreshToken: next.refreshToken })).status).toBe(
      204,
    );
    expect(await gateway.request("POST", "/api/refresh", { refreshToken: next.refreshToken })).toMatchObject({
      status: 401,
      body: { error: "session-over" },
    });
  });

  it("who guesses is told to wait, by the address the gateway sees and not by what the client says of itself", async () => {
    const guess = (n: number) =>
      fetch(`${gateway.url}/api/login`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-forwarded-for": `203.0.113.${n}` },
        body: JSON.stringify({ email: "user-034@shop.example", password: "wrong password" }),
      });
    expect((await guess(1)).status).toBe(401);
    const client = new pg.Client(userUrl);
    await client.connect();
    // Of an hour with many wrong ones: the next makes it a long wait.
    await client.query("update guesses set failures = 20 where failures = 1 and free_tries = 5");
    expect((await guess(2)).status).toBe(401);
    const heldUp = await guess(3);
    expect([heldUp.status, Number(heldUp.headers.get("retry-after")) > 800]).toEqual([429, true]);
    const { rows } = await client.query("select count(*)::int as n from guesses where free_tries = 50");
    await client.end();
    expect(rows).toEqual([{ n: 1 }]);
  });

  it("tokens of a new key are known at once, and those of the old one still; known keys outlive the user service", async () => {
    const startEdge = async (userUrl: string, databaseUrl: string): Promise<TestService> =>
      start("gateway", databaseUrl, {
        CATALOG_URL: catalog.url,
        USER_URL: userUrl,
        RECOMMENDATION_URL: nobody,
        ORDER_URL: nobody,
        PAYMENT_URL: nobody,
      });
    const [usersUrl, edgeUrl] = [await postgres.database("user-rotating"), await postgres.database("edge")];
    const rotating = await start("user", usersUrl, { SIGNING_KEY_SECONDS: "2" });
    await using edge = await startEdge(rotating.url, edgeUrl);
    const logIn = async (): Promise<string> => {
      const answer = await edge.request("POST", "/api/login", {
        email: "user-035@shop.example",
        password: "password-035",
      });
      return (answer.body as { accessToken: string }).accessToken;
    };
    const statusOf = async (gateway: TestService, token: string): Promise<number> =>
      (await gateway.request("GET", "/api/basket", undefined, { authorization: `Bearer ${token}` })).status;
    const old = await logIn();
    const fresh = await waitFor("a token of the next key", async () => {
      const token = await logIn();
      return decodeProtectedHeader(token).kid !== decodeProtectedHeader(old).kid && token;
    });
    expect([await statusOf(edge, fresh), await statusOf(edge, old)]).toEqual([200, 200]);
    await rotating.stop("SIGKILL");
    expect([await statusOf(edge, fresh), await statusOf(edge, old)]).toEqual([200, 200]);
    await edge.stop();
    await using next = await startEdge(rotating.url, edgeUrl);
    expect([await statusOf(next, fresh), await statusOf(next, old)]).toEqual([200, 200]);
    expect(await statusOf(next, `${fresh.slice(0, -4)}AAAA`)).toBe(401);
  });

  it("a basket is its user's own, and nobody's without a token that the user service signed", async () => {
    const items = [{ productId: "p-0001", quantity: 2 }];
    const [mine, theirs] = [await bearerOf("021"), await bearerOf("022")];
    expect(await gateway.request("PUT", "/api/basket", { items }, mine)).toEqual({
      status: 200,
      body: { items },
    });
    expect((await gateway.request("GET", "/api/basket", undefined, mine)).body).toEqual({ items });
    expect((await gateway.request("GET", "/api/basket", undefined, theirs)).body).toEqual({ items: [] });
    const forged = { authorization: `${mine["authorization"]?.slice(0, -4)}AAAA` };
    for (const headers of [{}, forged, { authorization: "Bearer none" }])
      expect(await gateway.request("GET", "/api/basket", undefined, headers)).toMatchObject({
        status: 401,
        body: { error: "not-logged-in" },
      });
  });

  it("a callee that is not there is a 503 with a code, and takes nothing from the basket", async () => {
    const bearer = await bearerOf("023");
    const items = [{ productId: "p-0001", quantity: 1 }];
    expect(
      await gateway.request("POST", "/api/checkout", {}, { ...bearer, "idempotency-key": "k-1" }),
    ).toMatchObject({ status: 409, body: { error: "empty-basket" } });
    await gateway.request("PUT", "/api/basket", { items }, bearer);
    expect(
      await gateway.request("POST", "/api/checkout", {}, { ...bearer, "idempotency-key": "k-2" }),
    ).toMatchObject({ status: 503, body: { error: "order-unavailable" } });
    expect((await gateway.request("GET", "/api/basket", undefined, bearer)).body).toEqual({ items });
  });

  it("a page is one trace: each span named by its route, under its caller, calls with the port they went to", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const parent = "b7ad6b7169203331";
    await gateway.request("GET", "/api/products/p-0002", undefined, {
      traceparent: `00-${traceId}-${parent}-01`,
    });
    const ofTrace = (): readonly TestSpan[] => sink.spans.filter((span) => span.traceId === traceId);
    const root = await waitFor("the gateway's span", () =>
      ofTrace().find((span) => span.parentSpanId === parent),
    );
    expect([root.service, root.name]).toEqual(["gateway", "GET /api/products/:id"]);
    const described = (span: TestSpan): string => {
      const above = ofTrace().find(({ spanId }) => spanId === span.parentSpanId);
      return `${above ? `${described(above)} > ` : ""}${span.service} ${span.name}`;
    };
    const page = "gateway GET /api/products/:id > gateway";
    await waitFor("the whole trace", () => {
      const all = ofTrace().map(described);
      return [
        `${page} GET /products/:id > catalog GET /products/:id > catalog SELECT products`,
        `${page} GET /products > catalog GET /products > catalog SELECT products`,
        `${page} GET /recommendations > recommendation GET /recommendations > recommendation SELECT bought_together, SELECT purchases`,
      ].every((path) => all.includes(path));
    });
    const ports = new Set(
      ofTrace()
        .filter(({ service, kind }) => service === "gateway" && kind === 3)
        .map(({ attributes }) => String(attributes["server.port"])),
    );
    expect(ports).toEqual(new Set([catalog, recommendation].map(({ url }) => new URL(url).port)));
    const leftMs = (service: string): number =>
      Number(
        ofTrace().find((span) => span.service === service && span.kind === 2)?.attributes[
          "shop.deadline.left_ms"
        ],
      );
    expect(leftMs("gateway")).toBeGreaterThan(1_000);
    expect(leftMs("catalog")).toBeLessThanOrEqual(1_000);
    expect(leftMs("recommendation")).toBeLessThanOrEqual(300);
    const query = ofTrace().find(({ name }) => name === "SELECT products");
    expect(String(query?.attributes["server.port"])).toBe(new URL(catalogUrl).port);
  });

  it("writes log lines of the trace that they belong to", async () => {
    const traceId = "1bf7651916cd43dd8448eb211c80319d";
    await gateway.request("GET", "/api/payment-methods", undefined, {
      ...(await bearerOf("024")),
      traceparent: `00-${traceId}-b7ad6b7169203331-01`,
    });
    await waitFor("the log line", () =>
      gateway
        .log()
        .split("\n")
        .some((line) => line.includes(`"trace_id":"${traceId}"`) && line.includes("payment-unavailable")),
    );
  });
});
