import { defineJourneys } from "../../harness/load/journey.ts";

/** Two steps, as a shopper's journey has on average. */
export const journeys = defineJourneys({
  async order(context) {
    await context.request("list", { method: "GET", path: `/products?page=${context.random.integer(1, 9)}` });
    await context.request("order", {
      method: "POST",
      path: "/orders",
      body: { items: [{ productId: "product-1", quantity: 1 }] },
      told: ({ status }) => ({ status }),
    });
  },
});
