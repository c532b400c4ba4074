import { defineJourneys } from "../../harness/load/journey.ts";

export const journeys = defineJourneys({
  /** One request, whose path ends in the number of the arrival. */
  get: ({ request, key }) =>
    request("get", { method: "GET", path: `/${key.split("-").at(-1)}`, route: "/:index" }),

  /** A user who looks for a long time. */
  async linger({ request, think, key }) {
    const path = `/${key.split("-").at(-1)}`;
    await request("first", { method: "GET", path, route: "/:index" });
    await think(60_000);
    await request("second", { method: "GET", path, route: "/:index" });
  },

  /** Two steps, as a shopper's journey has on average. */
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
