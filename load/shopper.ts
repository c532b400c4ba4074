import { defineJourneys, type Answer, type JourneyContext } from "../harness/load/journey.ts";

/**
 * What shoppers do, against the shop's public API. The weights with which the `shopper` mix takes these journeys are in
 * target-system/target.yaml.
 *
 * Shoppers are the fifty users that the shop is seeded with. A shopper's session is kept and used again, as a browser
 * would: logging in anew each time would make the load one of password hashing.
 */

const users = 50;
const categories = [
  "books",
  "garden",
  "kitchen",
  "music",
  "office",
  "outdoor",
  "sports",
  "tools",
  "toys",
  "travel",
];
const words = ["red", "small", "steel", "classic", "light", "garden", "travel", "pro"];
/** Used again only while well within the fifteen minutes that a token lives. */
const tokenLivesMs = 10 * 60_000;

interface Session {
  readonly userId: string;
  readonly token: string;
  readonly sinceMs: number;
}

export const journeys = defineJourneys({
  async browse(context) {
    const category = context.random.pick(categories);
    const page = 1 + context.random.integer(0, 2);
    await listProducts(context, "list", `?category=${category}&page=${page}&limit=20`);
  },

  async search(context) {
    const answer = await context.request("search", {
      method: "GET",
      path: `/api/search?q=${context.random.pick(words)}`,
    });
    remember(context, answer);
  },

  async product(context) {
    const productId = await someProduct(context);
    await context.request("product-page", {
      method: "GET",
      path: `/api/products/${encodeURIComponent(productId)}`,
      route: "/api/products/:id",
    });
  },

  "log-in": async (context) => {
    await logIn(context, context.random.integer(1, users + 1));
  },

  async checkout(context) {
    const session = await sessionOf(context);
    const items = [
      { productId: await someProduct(context), quantity: context.random.integer(1, 4) },
      { productId: await someProduct(context), quantity: 1 },
    ];
    await context.request("fill-basket", {
      method: "PUT",
      path: "/api/basket",
      headers: authorization(session),
      body: { items: mergeItems(items) },
    });
    await context.request("payment-methods", {
      method: "GET",
      path: "/api/payment-methods",
      headers: authorization(session),
    });
    await context.request("place-order", {
      method: "POST",
      path: "/api/checkout",
      headers: { ...authorization(session), "idempotency-key": context.key },
      body: { items: mergeItems(items) },
      expect: [201, 202],
      told: ({ body }) => {
        const order = fieldsOf(body);
        return {
          userId: session.userId,
          orderId: textOf(order["orderId"]),
          status: textOf(order["status"]),
          totalCents: Number(order["totalCents"]),
        };
      },
    });
  },

  "order-status": async (context) => {
    const session = await sessionOf(context);
    const answer = await context.request("list-orders", {
      method: "GET",
      path: "/api/orders",
      headers: authorization(session),
    });
    const orders = fieldsOf(answer.body)["orders"];
    const first: unknown = Array.isArray(orders) ? orders[0] : undefined;
    if (first === undefined) return;
    const orderId = textOf(fieldsOf(first)["orderId"]);
    await context.request("order", {
      method: "GET",
      path: `/api/orders/${encodeURIComponent(orderId)}`,
      route: "/api/orders/:id",
      headers: authorization(session),
      told: ({ body }) => ({ orderId, status: textOf(fieldsOf(body)["status"]) }),
    });
  },
});

async function listProducts(context: JourneyContext, step: string, query: string): Promise<void> {
  const answer = await context.request(step, {
    method: "GET",
    path: `/api/products${query}`,
    route: "/api/products",
  });
  remember(context, answer);
}

/** Keeps the ids of listed products, for journeys that need one. */
function remember(context: JourneyContext, { body }: Answer): void {
  const products = fieldsOf(body)["products"];
  if (!Array.isArray(products)) return;
  const seen = seenProducts(context);
  for (const product of products) seen.add(textOf(fieldsOf(product)["id"]));
}

function seenProducts({ data }: JourneyContext): Set<string> {
  const known = data.get("products");
  if (known instanceof Set) return known as Set<string>;
  const seen = new Set<string>();
  data.set("products", seen);
  return seen;
}

async function someProduct(context: JourneyContext): Promise<string> {
  const seen = seenProducts(context);
  if (seen.size === 0) await listProducts(context, "list", "?page=1&limit=20");
  return context.random.pick([...seen].sort());
}

async function sessionOf(context: JourneyContext): Promise<Session> {
  const user = context.random.integer(1, users + 1);
  const known = context.data.get(`session/${user}`) as Session | undefined;
  if (known !== undefined && performance.now() - known.sinceMs < tokenLivesMs) return known;
  return logIn(context, user);
}

async function logIn(context: JourneyContext, user: number): Promise<Session> {
  const number = String(user).padStart(3, "0");
  const answer = await context.request("log-in", {
    method: "POST",
    path: "/api/login",
    body: { email: `user-${number}@shop.example`, password: `password-${number}` },
  });
  const { userId, accessToken } = fieldsOf(answer.body);
  const session: Session = { userId: textOf(userId), token: textOf(accessToken), sinceMs: performance.now() };
  context.data.set(`session/${user}`, session);
  return session;
}

function authorization({ token }: Session): Record<string, string> {
  return { authorization: `Bearer ${token}` };
}

function mergeItems(items: readonly { readonly productId: string; readonly quantity: number }[]) {
  const quantities = new Map<string, number>();
  for (const { productId, quantity } of items)
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
