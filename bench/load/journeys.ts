import { defineJourneys } from "../../harness/load/journey.ts";

export const journeys = defineJourneys({
  /** One request, whose path ends in the number of the arrival. */
  get: ({ http, key }) => http.get("get", `/${key.split("-").at(-1)}`, { route: "/:index" }),

  /** A user who looks for a long time. */
  async linger({ http, think, key }) {
    const path = `/${key.split("-").at(-1)}`;
    await http.get("first", path, { route: "/:index" });
    await think(60_000);
    await http.get("second", path, { route: "/:index" });
  },

  /** Two steps, as a shopper's journey has on average. */
  async order({ http, random }) {
    await http.get("list", `/products?page=${random.integer(1, 9)}`);
    await http.post("order", "/orders", {
      body: { items: [{ productId: "product-1", quantity: 1 }] },
      told: ({ status }) => ({ status }),
    });
  },
});
