import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { startTcpRelay, type TcpRelay } from "../service-kit/tcp-relay.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

/** Recommendations with the catalog that knows the categories, and a relay before the database. */

let postgres: TestPostgres;
let rows: pg.Pool;
let wire: TcpRelay;
let catalog: TestService;
let recommendation: TestService;

beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.database("recommendation");
  rows = new pg.Pool({ connectionString: url, max: 2 });
  wire = await startTcpRelay(Number(new URL(url).port));
  catalog = await startTestService({
    main: "catalog/main.ts",
    env: { DATABASE_URL: await postgres.database("catalog") },
  });
  recommendation = await startTestService({
    main: "recommendation/main.ts",
    env: { DATABASE_URL: url.replace(/:\d+\//, `:${wire.port}/`), CATALOG_URL: catalog.url },
  });
  await waitFor("the categories to be learned", async () => {
    const { rows: counted } = await rows.query<{ readonly n: number }>(
      "select count(*)::int as n from popularity where category is null",
    );
    return counted[0]?.n === 0;
  });
});
afterAll(async () => {
  await Promise.all([catalog, recommendation].map((service) => service.stop("SIGKILL")));
  await wire[Symbol.asyncDispose]();
  await rows.end();
  await postgres[Symbol.asyncDispose]();
});

interface Answer {
  readonly products: readonly string[];
  readonly source: string;
  readonly stale?: boolean;
}

async function recommended(query: string, userId?: string): Promise<Answer> {
  const gateway = recommendation.as("gateway", userId);
  const { status, body } = await gateway.request("GET", `/recommendations?${query}`);
  expect(status).toBe(200);
  return body as Answer;
}

async function categoriesOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { body } = await catalog.as("gateway").request("GET", `/products?ids=${ids.join(",")}`);
  const { products } = body as { products: { category: string }[] };
  expect(products).toHaveLength(ids.length);
  return new Set(products.map(({ category }) => category));
}

const tell = (id: string, userId: string, items: readonly { productId: string; quantity?: number }[]) =>
  recommendation
    .as("order")
    .request("POST", "/events", { id, type: "order.confirmed", orderId: id, userId, items });

it("prefers the categories that a user named, most popular first", async () => {
  const { products, source } = await recommended("category=books&category=music&limit=12");
  expect(source).toBe("preferences");
  expect(await categoriesOf(products)).toEqual(new Set(["books", "music"]));
  const { rows: popular } = await rows.query<{ readonly id: string }>(
    `select product_id as id from popularity where category in ('books', 'music')
     order by times desc, product_id limit 12`,
  );
  expect(products).toEqual(popular.map(({ id }) => id));
});

it("without named ones, prefers the categories that a user buys from, and leaves out what they have", async () => {
  // By the catalog's seed, every tenth product is of one category.
  await tell("p-1", "user-p", [{ productId: "p-0004" }, { productId: "p-0014" }]);
  const { products, source } = await recommended("limit=20", "user-p");
  expect([source, products.length]).toEqual(["preferences", 20]);
  expect(await categoriesOf(products)).toEqual(await categoriesOf(["p-0004"]));
  expect(products).not.toContain("p-0004");
  expect(products).not.toContain("p-0014");
});

it("falls back to what is popular for a user of whom nothing is known, and where nothing is of their taste", async () => {
  const popular = await recommended("limit=5");
  expect(popular).toMatchObject({ source: "popular", products: { length: 5 } });
  expect(await recommended("limit=5", "nobody")).toEqual(popular);
  expect(await recommended("category=zeppelins&limit=5")).toEqual(popular);
});

it("an event is learned from once, delivered ten times at once or again later", async () => {
  const items = [{ productId: "once-1" }, { productId: "once-2" }];
  await Promise.all(Array.from({ length: 10 }, () => tell("once", "user-o", items)));
  await tell("once", "user-o", items);
  const { rows: learned } = await rows.query(
    `select (select times from popularity where product_id = 'once-1') as popular,
       (select times from bought_together where product_id = 'once-1') as together`,
  );
  expect(learned).toEqual([{ popular: 1, together: 1 }]);
});

it("events of the same products at once, named in any order, are all learned", async () => {
  const products = ["any-1", "any-2", "any-3"];
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      tell(
        `any-${n}`,
        `user-${n}`,
        products.map((_, at) => ({ productId: products[(at + n) % 3] ?? "" })),
      ),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
  const { rows: learned } = await rows.query(
    "select distinct times from bought_together where product_id like 'any-%'",
  );
  expect(learned).toEqual([{ times: 30 }]);
});

it("an order of a hundred products is bounded work: those it has most of are paired, all are popular", async () => {
  const items = Array.from({ length: 100 }, (_, n) => ({ productId: `bulk-${n}`, quantity: n + 1 }));
  await tell("bulk", "user-b", items);
  const { rows: learned } = await rows.query(
    `select (select count(*)::int from popularity where product_id like 'bulk-%') as popular,
       (select count(*)::int from bought_together where product_id like 'bulk-%') as pairs`,
  );
  expect(learned).toEqual([{ popular: 100, pairs: 12 * 11 }]);
  const { products } = await recommended("productId=bulk-99&limit=20");
  expect([...products].sort()).toEqual(Array.from({ length: 11 }, (_, n) => `bulk-${n + 88}`).sort());
});

it("unlearns an order that is cancelled, once, and only what it had learned from it", async () => {
  const items = ["un-1", "un-2"].map((productId) => ({ productId }));
  const send = (id: string, type: string, orderId: string) =>
    recommendation.as("order").request("POST", "/events", { id, type, orderId, userId: "user-u", items });
  const counted = async (): Promise<unknown> =>
    (
      await rows.query(
        `select (select times from popularity where product_id = 'un-1') as popular,
           (select times from bought_together where product_id = 'un-1') as together,
           (select times from purchases where product_id = 'un-1') as bought`,
      )
    ).rows[0];
  await send("un-a", "order.confirmed", "un-first");
  await send("un-b", "order.confirmed", "un-second");
  await send("un-c", "order.cancelled", "un-never-confirmed");
  expect(await counted()).toEqual({ popular: 2, together: 2, bought: 2 });
  for (const again of [1, 2, 3]) await send(again < 3 ? "un-d" : "un-e", "order.cancelled", "un-first");
  expect(await counted()).toEqual({ popular: 1, together: 1, bought: 1 });
  expect((await recommended("productId=un-1")).products).toEqual(["un-2"]);
  expect((await recommended("productId=un-1", "user-u")).products).not.toContain("un-2");
  await send("un-f", "order.cancelled", "un-second");
  expect(await counted()).toEqual({ popular: 0, together: 0, bought: 0 });
  expect((await recommended("productId=un-1")).source).toBe("popular");
  const metrics = await (await fetch(`${recommendation.url}/metrics`)).text();
  expect(metrics).toMatch(/^recommendation_events_received_total\{reception="unlearned".*\} 2$/m);
  expect(metrics).toMatch(
    /^idempotency_duplicates_suppressed_total\{(?=.*operation="order.cancelled").*\} 1$/m,
  );
});

it("an event of another kind is taken, and one that cannot be is refused", async () => {
  const send = (body: object) => recommendation.as("order").request("POST", "/events", body);
  for (const type of ["order.shipped", "order.placed", "order.declined", "order.refunded"])
    expect((await send({ id: "k-1", type })).status).toBe(204);
  expect((await send({ id: "k-2", type: "order.confirmed" })).status).toBe(400);
  expect((await send({ id: "k-3\u0000", type: "order.shipped" })).status).toBe(400);
  expect((await tell("k-4", "user-k", [{ productId: "p-0001", quantity: 0 }])).status).toBe(400);
});

it("without its database it answers what it answered last, else what was popular, and says so", async () => {
  const known = await recommended("productId=p-0007");
  wire.become({ kind: "cut" });
  expect(await recommended("productId=p-0007")).toEqual({ ...known, stale: true });
  expect(await recommended("productId=never-asked", "user-p")).toMatchObject({
    products: { length: 4 },
    source: "popular",
    stale: true,
  });
  expect(await (await fetch(`${recommendation.url}/metrics`)).text()).toMatch(
    /^recommendation_fallbacks_total 2$/m,
  );
  wire.become({ kind: "pass" });
  await waitFor("fresh answers", async () => (await recommended("productId=p-0007")).stale !== true);
});
