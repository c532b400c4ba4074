import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "../../test/postgres.fixture.ts";
import { startTestService, type TestService } from "../service-kit/service.fixture.ts";
import { waitFor } from "../service-kit/wait.fixture.ts";

/** Two replicas of the catalog on one database; the second one holds reservations for a minute only. */

let postgres: TestPostgres;
let rows: pg.Pool;
let catalog: TestService;
let twin: TestService;

beforeAll(async () => {
  postgres = await startPostgres();
  const url = await postgres.database("catalog");
  rows = new pg.Pool({ connectionString: url, max: 2 });
  const start = (env: Readonly<Record<string, string>>): Promise<TestService> =>
    startTestService({ main: "catalog/main.ts", env: { DATABASE_URL: url, ...env } });
  // At once, on an empty database: one of them migrates, the other finds it done.
  [catalog, twin] = await Promise.all([start({}), start({ RESERVATION_SECONDS: "60" })]);
});
afterAll(async () => {
  await Promise.all([catalog, twin].map((replica) => replica.stop("SIGKILL")));
  await rows.end();
  await postgres[Symbol.asyncDispose]();
});

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
}

const listing = async (query: string): Promise<{ products: Listed[]; page: number; total: number }> =>
  (await catalog.as("gateway").request("GET", `/products?${query}`)).body as never;

describe("listings", () => {
  it.each([
    ["name", (a: Listed, b: Listed) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)],
    ["price", (a: Listed, b: Listed) => a.priceCents - b.priceCents],
    ["price-desc", (a: Listed, b: Listed) => b.priceCents - a.priceCents],
    ["popularity", () => 0],
    ["newest", undefined],
  ] as const)("by %s, every product is on one page, and ties stand by id", async (sort, compare) => {
    const pages = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((page) => listing(`sort=${sort}&page=${page}&limit=100`)),
    );
    const products = pages.flatMap((page) => page.products);
    expect([products.length, new Set(products.map(({ id }) => id)).size]).toEqual([520, 520]);
    if (compare === undefined) return;
    const sorted = [...products].sort((a, b) => compare(a, b) || (a.id < b.id ? -1 : 1));
    expect(products.map(({ id }) => id)).toEqual(sorted.map(({ id }) => id));
  });

  it("puts what was listed last first by newest", async () => {
    await rows.query("update products set listed_at = now() where id = 'p-0333'");
    expect((await listing("sort=newest&limit=1")).products[0]?.id).toBe("p-0333");
  });

  it("knows the total on a page beyond the last one, too", async () => {
    expect(await listing("category=garden&page=9&limit=20")).toEqual({ products: [], page: 9, total: 52 });
  });

  it("names the categories, and how many products each has", async () => {
    const { body } = await catalog.as("gateway").request("GET", "/categories");
    const { categories } = body as { categories: { name: string; products: number }[] };
    expect([categories.length, categories[0]]).toEqual([10, { name: "books", products: 52 }]);
  });

  it.each(["sort=cheap", "page=0", "page=99999", "limit=101", "category=%00", "sort=id;drop", "ids=%00"])(
    "refuses %s",
    async (query) => {
      expect(await catalog.as("gateway").request("GET", `/products?${query}`)).toMatchObject({
        status: 400,
        body: { error: "invalid-request" },
      });
    },
  );
});

describe("search", () => {
  const found = async (q: string, rest = ""): Promise<string[]> => {
    const { status, body } = await catalog
      .as("gateway")
      .request("GET", `/search?q=${encodeURIComponent(q)}${rest}`);
    expect(status).toBe(200);
    return (body as { products: Listed[] }).products.map(({ name }) => name.toLowerCase());
  };

  it("matches a last word that is still being typed, and no other that is cut short", async () => {
    const guitars = await found("guit");
    expect(guitars.length).toBeGreaterThan(0);
    expect(guitars.every((name) => name.includes("guitar"))).toBe(true);
    expect(await found("guit ")).toEqual([]);
    expect(await found("guit red")).toEqual([]);
  });

  it("takes words together, phrases in their order, and leaves out what has a minus", async () => {
    expect((await found("red lamp", "&limit=100")).every((name) => /^red .* lamp$/.test(name))).toBe(true);
    const [some = ""] = await found("lamp");
    expect(await found(`"${some}"`)).toContain(some);
    expect(await found(`"${some.split(" ").reverse().join(" ")}"`)).toEqual([]);
    const withoutRed = await found("lamp -red", "&limit=100");
    expect(withoutRed.length).toBeGreaterThan(0);
    expect(withoutRed.some((name) => name.includes("red"))).toBe(false);
  });

  it("goes on page by page, each product once", async () => {
    const pages = await Promise.all([1, 2, 3].map((page) => found("garden", `&page=${page}&limit=20`)));
    expect(pages.map((page) => page.length)).toEqual([20, 20, 12]);
  });

  it("has an answer to any text", async () => {
    const hostile = fc.oneof(
      fc.string({ minLength: 1, maxLength: 60, unit: "binary" }),
      fc.stringMatching(/^[-"'():*&|!<>\\ a-c]{1,20}$/),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { minLength: 10, maxLength: 10 }), async (texts) => {
        const answers = await Promise.all(
          texts.map((text) => catalog.as("gateway").request("GET", `/search?q=${encodeURIComponent(text)}`)),
        );
        expect(answers.map(({ status }) => status)).toEqual(
          texts.map((text) => (text.includes("\0") ? 400 : 200)),
        );
      }),
      { numRuns: 25 },
    );
  });

  it("is answered by the index on words", async () => {
    const client = await rows.connect();
    try {
      await client.query("set enable_seqscan = off");
      const { rows: plan } = await client.query<{ readonly "QUERY PLAN": string }>(
        "explain select id from products, websearch_to_tsquery('english', 'lamp') q where words @@ q",
      );
      expect(plan.map((row) => row["QUERY PLAN"]).join("\n")).toContain("products_by_words");
    } finally {
      await client.query("reset enable_seqscan");
      client.release();
    }
  });
});

describe("inventory", () => {
  let order = "";
  let product = "";
  let count = 0;
  /** An order and a product that no other test has touched. */
  beforeEach(() => {
    count += 1;
    order = `order-${count}`;
    product = `p-${String(400 + count).padStart(4, "0")}`;
  });

  /** Asks again what a busy machine did not answer in time, as an order does: everything here may be repeated. */
  async function post(replica: TestService, path: string, body?: unknown) {
    return waitFor(`an answer of ${path}`, async () => {
      const answer = await replica.as("order").request("POST", path, body);
      return answer.status !== 503 && answer;
    });
  }
  const reserve = (replica: TestService, orderId: string, productId: string, quantity = 1) =>
    post(replica, "/reservations", { orderId, items: [{ productId, quantity }] });
  const ask = (orderId: string, what: "commit" | "release") =>
    post(catalog, `/reservations/${orderId}/${what}`);
  const tell = (id: string, type: string, orderId: string) => post(catalog, "/events", { id, type, orderId });

  /** available, reserved, committed: as the shop's invariants see it. */
  async function stockOf(productId: string): Promise<readonly number[]> {
    const { rows: stock } = await rows.query<{ readonly stock: number[] }>(
      `select array[p.available, coalesce(sum(r.quantity) filter (where r.status = 'reserved'), 0)::int,
         coalesce(sum(r.quantity) filter (where r.status = 'committed'), 0)::int] as stock
       from products p left join reservation_lines r on r.product_id = p.id where p.id = $1 group by p.id`,
      [productId],
    );
    return stock[0]?.stock ?? [];
  }
  const stocked = (productId: string, quantity: number) =>
    rows.query("update products set available = $2, initial_stock = $2 where id = $1", [productId, quantity]);

  const timeIsUp = (pattern: string) =>
    rows.query("update reservations set expires_at = now() where order_id like $1", [pattern]);

  async function expired(orderId: string, productId: string, quantity = 1): Promise<void> {
    await reserve(twin, orderId, productId, quantity);
    await timeIsUp(orderId);
    await waitFor("the reservation to expire", async () => (await stockOf(productId))[1] === 0);
  }

  async function counterOf(name: string): Promise<number> {
    const texts = await Promise.all(
      [catalog, twin].map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
    );
    const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  it("of a hundred buyers of the last item at once, at two replicas, one gets it", async () => {
    await stocked(product, 1);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, buyer) =>
        reserve(buyer % 2 === 0 ? catalog : twin, `${order}-${buyer}`, product),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect([
      statuses.filter((status) => status === 201),
      statuses.filter((status) => status === 409),
    ]).toMatchObject([{ length: 1 }, { length: 99 }]);
    const [available, reserved, committed] = await stockOf(product);
    expect([available, (reserved ?? 0) + (committed ?? 0)]).toEqual([0, 1]);
  });

  it("a reservation that nobody claims is given back when its time is up, once, and is over for every caller", async () => {
    const before = await counterOf("catalog_reservations_expired_total");
    const { body } = await reserve(twin, order, product, 7);
    const leftMs = Date.parse((body as { expiresAt: string }).expiresAt) - Date.now();
    expect([leftMs > 0, leftMs <= 60_000]).toEqual([true, true]);
    await expired(order, product, 7);
    expect(await stockOf(product)).toEqual([100_000, 0, 0]);
    await waitFor(
      "the expiry to be counted",
      async () => (await counterOf("catalog_reservations_expired_total")) > before,
    );
    expect(await counterOf("catalog_reservations_expired_total")).toBe(before + 1);
    for (const late of [ask(order, "commit"), ask(order, "commit"), reserve(catalog, order, product, 7)])
      expect(await late).toMatchObject({ status: 409, body: { error: "reservation-expired" } });
    expect((await ask(order, "release")).status).toBe(204);
    expect(await stockOf(product)).toEqual([100_000, 0, 0]);
  });

  it("a hundred reservations that run out at once come back whole, whoever sweeps them", async () => {
    await Promise.all(Array.from({ length: 100 }, (_, n) => reserve(twin, `${order}-${n}`, product, 3)));
    expect(await stockOf(product)).toEqual([99_700, 300, 0]);
    await timeIsUp(`${order}-%`);
    await waitFor("all to expire", async () => (await stockOf(product))[1] === 0);
    expect(await stockOf(product)).toEqual([100_000, 0, 0]);
  });

  it("a commit is final: it may be repeated, neither expiry nor a release takes it back", async () => {
    await reserve(twin, order, product, 2);
    expect([(await ask(order, "commit")).status, (await ask(order, "commit")).status]).toEqual([204, 204]);
    await timeIsUp(order);
    await expired(`${order}-later`, product); // a sweep that found the later one has passed the committed one by
    expect((await ask(order, "release")).status).toBe(204);
    expect(await stockOf(product)).toEqual([99_998, 0, 2]);
  });

  it("of commits and releases at once, either all stand or none", async () => {
    const orders = Array.from({ length: 20 }, (_, n) => `${order}-${n}`);
    await Promise.all(orders.map((each) => reserve(catalog, each, product)));
    const answers = await Promise.all(
      orders.map(async (each) => (await Promise.all([ask(each, "commit"), ask(each, "release")]))[0].status),
    );
    const committed = answers.filter((status) => status === 204).length;
    expect(answers.filter((status) => status === 409)).toHaveLength(20 - committed);
    expect(await stockOf(product)).toEqual([100_000 - committed, 0, committed]);
  });

  it("a commit of what was released, or never reserved, is refused with its reason", async () => {
    await reserve(catalog, order, product);
    await ask(order, "release");
    expect(await ask(order, "commit")).toMatchObject({ status: 409, body: { error: "already-released" } });
    expect(await ask("never", "commit")).toMatchObject({
      status: 404,
      body: { error: "reservation-not-found" },
    });
  });

  it("a confirmed order whose reservation expired gets its stock again while there is enough", async () => {
    const before = await counterOf('catalog_events_received_total{reception="duplicate"');
    await expired(order, product, 5);
    await Promise.all([1, 2, 3].map(() => tell(`late-${order}`, "order.confirmed", order)));
    expect(await stockOf(product)).toEqual([99_995, 0, 5]);
    expect(await counterOf('catalog_events_received_total{reception="duplicate"')).toBe(before + 2);
    expect((await ask(order, "commit")).status).toBe(204);
  });

  it("a confirmed order whose stock expired and was sold to others is told aloud, and takes nothing", async () => {
    await stocked(product, 1);
    const before = await counterOf('catalog_events_received_total{reception="short"');
    await expired(order, product);
    expect((await reserve(catalog, `${order}-other`, product)).status).toBe(201);
    expect((await tell(`late-${order}`, "order.confirmed", order)).status).toBe(204);
    expect(await stockOf(product)).toEqual([0, 1, 0]);
    expect(await counterOf('catalog_events_received_total{reception="short"')).toBe(before + 1);
    expect(catalog.log()).toContain("a confirmed order has no stock");
  });

  it("an order that is cancelled after it was confirmed gives its stock back once", async () => {
    await reserve(catalog, order, product, 4);
    await tell(`a-${order}`, "order.confirmed", order);
    for (const event of ["b", "b", "c"]) await tell(`${event}-${order}`, "order.cancelled", order);
    expect(await stockOf(product)).toEqual([100_000, 0, 0]);
    await tell(`a-${order}`, "order.confirmed", order);
    expect(await stockOf(product)).toEqual([100_000, 0, 0]);
  });

  it("events that are not of stock change nothing, and are taken", async () => {
    await reserve(catalog, order, product, 4);
    for (const type of ["order.placed", "order.declined", "order.refunded", "order.shipped"])
      expect((await tell(`${type}-${order}`, type, order)).status).toBe(204);
    expect(await stockOf(product)).toEqual([99_996, 4, 0]);
  });

  it("what is sold most is the most popular, and what is returned was not sold", async () => {
    await reserve(catalog, order, product, 900);
    await ask(order, "commit");
    const first = async (): Promise<unknown> => (await listing("sort=popularity&limit=1")).products[0]?.id;
    expect(await first()).toBe(product);
    await tell(`x-${order}`, "order.cancelled", order);
    expect(await first()).not.toBe(product);
  });

  it("orders of the same products in any order, all ended at once, never wait in a circle", async () => {
    const products = [product, "p-0510", "p-0511"];
    const orders = Array.from({ length: 30 }, (_, n) => `${order}-${n}`);
    const reserved = await Promise.all(
      orders.map((orderId, n) =>
        post(twin, "/reservations", {
          orderId,
          items: products.map((_, at) => ({ productId: products[(at + n) % 3], quantity: 1 })),
        }),
      ),
    );
    const ended = await Promise.all(
      orders.flatMap((each, n) => (n % 3 === 2 ? [] : [ask(each, n % 3 === 0 ? "release" : "commit")])),
    );
    expect(new Set([...reserved, ...ended].map(({ status }) => status))).toEqual(new Set([201, 204]));
    await timeIsUp(`${order}-%`);
    await waitFor("the rest to expire", async () => (await stockOf(product))[1] === 0);
    for (const each of products) expect(await stockOf(each)).toEqual([99_990, 0, 10]);
  });
});
