import { defineJourneys } from "../../harness/load/journey.ts";

/** What the shop's cost is measured with: one request each, by shoppers who have logged in before. */
export const journeys = defineJourneys({
  async "product page"({ http, random }) {
    const path = `/api/products/${productId(random.integer(1, products + 1))}`;
    await http.get("product-page", path, { route: "/api/products/:id" });
  },

  async checkout({ http, random, key }) {
    await http.post("checkout", "/api/checkout", {
      headers: { authorization: `Bearer ${random.pick(tokens)}`, "idempotency-key": key },
      body: { items: [{ productId: productId(random.integer(1, products + 1)), quantity: 1 }] },
      expect: [201, 202],
    });
  },
});

/** Access tokens, one a line, in the environment of the driver's process. */
export const tokensVariable = "BENCH_TOKENS";
const tokens = process.env[tokensVariable]?.split("\n") ?? [];
const products = 520;

function productId(number: number): string {
  return `p-${String(number).padStart(4, "0")}`;
}
