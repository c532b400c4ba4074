/**
 * The shoppers of load/shopper.ts as a k6 script: the same journeys, weights and requests. A virtual user of k6 is one
 * of the fifty users that the shop is seeded with, and keeps the session and the products it saw, as a browser would.
 *
 *   squall run load/k6/recommendation-down.yaml                                        as the load of an experiment
 *   k6 run -e BASE_URL=http://127.0.0.1:8080 -e RATE=40 -e DURATION=30s load/k6/shopper.ts      by itself
 */
import { check } from "k6";
import exec from "k6/execution";
import type { Options } from "k6/options";
import { createRandom, type Random } from "../../harness/base/random.ts";
import { shopperMix, type ShopperJourney } from "./shopper-mix.ts";
import { arrivals, request, takeJourney, type Told } from "./squall.ts";

export const options: Options = {
  scenarios: { shopper: arrivals({ preAllocatedVUs: 100, maxVUs: 200 }) },
  // Of the whole run, the fault phase included. What a phase must keep is for the experiment's hypothesis to say.
  thresholds: {
    http_req_failed: ["rate<0.10"],
    "http_req_duration{step:list-products}": ["p(95)<5000"],
    checks: ["rate>0.99"],
  },
};

export default function (): void {
  const random = createRandom(`${__ENV["SEED"] ?? "k6"}/${exec.scenario.iterationInTest}`);
  const journey = drawJourney(random);
  takeJourney(journey, () => journeys[journey](random));
}

const journeys: Readonly<Record<ShopperJourney, (random: Random) => void>> = {
  browse(random) {
    listProducts(`?category=${random.pick(categories)}&page=${random.integer(1, 3)}&limit=20`);
  },

  search(random) {
    const found = request("search", { method: "GET", path: `/api/search?q=${random.pick(searchWords)}` });
    remember(found as Listing);
  },

  product(random) {
    const productId = someProduct(random);
    const page = request("product-page", {
      method: "GET",
      path: `/api/products/${encodeURIComponent(productId)}`,
      route: "/api/products/:id",
    }) as { readonly product: Product };
    check(page, { "the page shows the product asked for": ({ product }) => product.id === productId });
  },

  "log-in": () => void logIn(),

  checkout(random) {
    const headers = authorization();
    const first = someProduct(random);
    const second = someProduct(random);
    const items = [
      { productId: first, quantity: random.integer(1, 4) },
      ...(second === first ? [] : [{ productId: second, quantity: 1 }]),
    ];
    request("fill-basket", { method: "PUT", path: "/api/basket", headers, body: { items } });
    request("payment-methods", { method: "GET", path: "/api/payment-methods", headers });
    request("place-order", {
      method: "POST",
      path: "/api/checkout",
      headers: { ...headers, "idempotency-key": keyOfIteration() },
      body: { items },
      expect: [201, 202],
      told: toldOf,
    });
  },

  "add-card": (random) => {
    request("add-card", {
      method: "POST",
      path: "/api/cards",
      headers: authorization(),
      body: { number: random.pick(goodCards), expiry: "12/39", cvc: "358" },
      expect: [201],
    });
  },

  "order-status": (random) => {
    const headers = authorization();
    const { orders } = request("list-orders", { method: "GET", path: "/api/orders", headers }) as {
      readonly orders: readonly Order[];
    };
    if (orders.length === 0) return;
    request("order", {
      method: "GET",
      path: `/api/orders/${encodeURIComponent(random.pick(orders).orderId)}`,
      route: "/api/orders/:id",
      headers,
      told: toldOf,
    });
  },
};

interface Product {
  readonly id: string;
}
interface Listing {
  readonly products: readonly Product[];
}
interface Order {
  readonly orderId: string;
  readonly status: string;
  /** Not known before the stock is reserved. */
  readonly totalCents?: number | null;
}
interface Session {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

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
const searchWords = ["red", "small", "steel", "classic", "light", "garden", "travel", "guitar", "pro"];
const goodCards = ["4242 4242 4242 4242", "5555 5555 5555 4444"];
const longestJourneyMs = 60_000;

/** What this virtual user remembers: each has a copy of the module. */
const seenProducts = new Set<string>();
let session: { readonly token: string; readonly expiresAtMs: number } | undefined;

function drawJourney(random: Random): ShopperJourney {
  const weights = Object.entries(shopperMix) as [ShopperJourney, number][];
  let left = random.next() * weights.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [journey, weight] of weights) {
    left -= weight;
    if (left < 0) return journey;
  }
  return "browse";
}

function listProducts(query: string): void {
  remember(request("list-products", { method: "GET", path: `/api/products${query}` }) as Listing);
}

function remember({ products }: Listing): void {
  for (const { id } of products) seenProducts.add(id);
}

function someProduct(random: Random): string {
  if (seenProducts.size === 0) listProducts("?page=1&limit=20");
  return random.pick([...seenProducts]);
}

function logIn(): string {
  const number = String(1 + (exec.vu.idInTest % users)).padStart(3, "0");
  const { accessToken, expiresInSeconds } = request("log-in", {
    method: "POST",
    path: "/api/login",
    body: { email: `user-${number}@shop.example`, password: `password-${number}` },
  }) as Session;
  session = { token: accessToken, expiresAtMs: Date.now() + expiresInSeconds * 1_000 };
  return accessToken;
}

/** Of a session that lasts for the whole of this journey. */
function authorization(): Record<string, string> {
  const isKept = session !== undefined && session.expiresAtMs - Date.now() > longestJourneyMs;
  return { authorization: `Bearer ${isKept && session !== undefined ? session.token : logIn()}` };
}

/** Never used by another iteration or run. */
function keyOfIteration(): string {
  return `k6-${exec.scenario.startTime}-${exec.scenario.iterationInTest}`;
}

/** What the history keeps of an order, for the invariants. */
function toldOf(body: unknown): Told | undefined {
  const { orderId, status, totalCents } = body as Partial<Order>;
  if (orderId === undefined || status === undefined) return undefined;
  return { orderId, status, totalCents: totalCents ?? null };
}
