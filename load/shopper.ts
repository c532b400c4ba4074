import { z } from "zod";
import { defineJourneys, type JourneyContext, type Told } from "../harness/load/journey.ts";

/**
 * What shoppers do, against the shop's public API. The weights with which the `shopper` mix takes these journeys are in
 * target-system/target.yaml.
 *
 * Shoppers are the fifty customers that the shop is seeded with. What a shopper logged in with is kept and used again, as
 * a browser would: logging in anew each time would make the load one of password hashing.
 */
export const journeys = defineJourneys({
  async browse(context) {
    const category = context.random.pick(categories);
    await listProducts(context, `?category=${category}&page=${context.random.integer(1, 3)}&limit=20`);
  },

  async search(context) {
    const path = `/api/search?q=${context.random.pick(searchWords)}`;
    const answer = await context.http.get("search", path, { answer: listingSchema });
    remember(context, answer.body.products);
  },

  async product(context) {
    const productId = await someProduct(context);
    const answer = await context.http.get("product-page", `/api/products/${encodeURIComponent(productId)}`, {
      route: "/api/products/:id",
      answer: z.object({ product: productSchema }),
    });
    context.check("the page shows the product asked for", answer.body.product.id === productId);
  },

  "log-in": (context) => logIn(context),

  async checkout(context) {
    const headers = await authorization(context);
    const first = await someProduct(context);
    const second = await someProduct(context);
    const items = [
      { productId: first, quantity: context.random.integer(1, 4) },
      ...(second === first ? [] : [{ productId: second, quantity: 1 }]),
    ];
    await context.http.put("fill-basket", "/api/basket", { headers, body: { items } });
    await context.http.get("payment-methods", "/api/payment-methods", { headers });
    // The items again, not the basket: another journey of the same shopper may have filled or emptied it meanwhile.
    await context.http.post("place-order", "/api/checkout", {
      headers: { ...headers, "idempotency-key": context.key },
      body: { items },
      expect: [201, 202],
      answer: orderSchema,
      told: ({ body }) => toldOf(body),
    });
  },

  /** More than the bank allows, or than there is: an order that comes to nothing. Of the cheapest there may be enough. */
  async overspend(context) {
    const headers = await authorization(context);
    await context.http.post("place-order", "/api/checkout", {
      headers: { ...headers, "idempotency-key": context.key },
      body: { items: [{ productId: await someProduct(context), quantity: mostOfOne }] },
      expect: [201, 202, 402, 409],
      answer: orderSchema,
      told: ({ body }) => toldOf(body),
    });
  },

  /** Buys, and thinks better of it: at once, or when the goods are as good as packed. */
  async regret(context) {
    const headers = await authorization(context);
    const { body } = await context.http.post("place-order", "/api/checkout", {
      headers: { ...headers, "idempotency-key": context.key },
      body: { items: [{ productId: await someProduct(context), quantity: 1 }] },
      expect: [201, 202],
      answer: orderSchema,
      told: (answer) => toldOf(answer.body),
    });
    await context.think(context.random.pick([0, 30, 300, 1_500]));
    await context.http.post("cancel-order", `/api/orders/${encodeURIComponent(body.orderId)}/cancel`, {
      route: "/api/orders/:id/cancel",
      headers,
      expect: [200, 202, 409],
    });
  },

  /** Another good card, so that what the shopper's next orders are paid by goes through the fleet as in life. */
  "add-card": async (context) => {
    await context.http.post("add-card", "/api/cards", {
      headers: await authorization(context),
      body: { number: context.random.pick(goodCards), expiry: "12/39", cvc: "358" },
      expect: [201],
      answer: z.object({ cardId: z.string() }),
    });
  },

  "order-status": async (context) => {
    const headers = await authorization(context);
    const { body } = await context.http.get("list-orders", "/api/orders", {
      headers,
      answer: z.object({ orders: z.array(orderSchema) }),
    });
    if (body.orders.length === 0) return;
    const { orderId } = context.random.pick(body.orders);
    await context.http.get("order", `/api/orders/${encodeURIComponent(orderId)}`, {
      route: "/api/orders/:id",
      headers,
      answer: orderSchema,
      told: (answer) => toldOf(answer.body),
    });
  },
});

/** Each virtual user is one of the shop's customers. */
export const users = 50;

/** The most that the shop takes of one product in one order. */
const mostOfOne = 1_000;
/** Test cards that every gateway takes. */
const goodCards = ["4242 4242 4242 4242", "5555 5555 5555 4444"];
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
const searchWords = ["red", "small", "steel", "classic", "light", "garden", "travel", "guitar", "pro"];

const productSchema = z.object({ id: z.string() });
const listingSchema = z.object({ products: z.array(productSchema) });
/** The total is not known before the stock is reserved. */
const orderSchema = z.object({
  orderId: z.string(),
  status: z.string(),
  totalCents: z.number().nullish(),
});
const loginSchema = z.object({ accessToken: z.string(), expiresInSeconds: z.number() });

/** Ids of products that were seen in a listing. */
const seenProducts = (): Set<string> => new Set();
/** What a shopper logged in with, and until when it lasts, in epoch milliseconds. */
const login = () => ({ token: "", expiresAtMs: 0 });

/** What the history keeps of an order, for the invariants. */
function toldOf({ orderId, status, totalCents }: z.output<typeof orderSchema>): Told {
  return { orderId, status, totalCents: totalCents ?? null };
}

async function listProducts(context: JourneyContext, query: string): Promise<void> {
  const answer = await context.http.get("list-products", `/api/products${query}`, { answer: listingSchema });
  remember(context, answer.body.products);
}

function remember({ shared }: JourneyContext, products: readonly { readonly id: string }[]): void {
  for (const { id } of products) shared(seenProducts).add(id);
}

async function someProduct(context: JourneyContext): Promise<string> {
  const seen = context.shared(seenProducts);
  if (seen.size === 0) await listProducts(context, "?page=1&limit=20");
  return context.random.pick([...seen]);
}

/** Headers of a shopper who is logged in, for the whole of this journey at least. */
async function authorization(context: JourneyContext): Promise<Record<string, string>> {
  if (context.session(login).expiresAtMs - Date.now() < longestJourneyMs) await logIn(context);
  return { authorization: `Bearer ${context.session(login).token}` };
}

const longestJourneyMs = 60_000;

async function logIn({ http, user, session }: JourneyContext): Promise<void> {
  const number = String(user + 1).padStart(3, "0");
  const { body } = await http.post("log-in", "/api/login", {
    body: { email: `user-${number}@shop.example`, password: `password-${number}` },
    answer: loginSchema,
  });
  const expiresAtMs = Date.now() + body.expiresInSeconds * 1_000;
  Object.assign(session(login), { token: body.accessToken, expiresAtMs });
}
