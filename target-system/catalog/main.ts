import { z } from "zod";
import { createInbox } from "../service-kit/inbox.ts";
import { startService } from "../service-kit/service.ts";
import { productRoutes } from "./product-routes.ts";
import { migrations, seed } from "./schema.ts";
import { countStock, type StockCounts } from "./stock-metrics.ts";
import { stockRoutes } from "./stock-routes.ts";
import { sweep } from "./sweeper.ts";

/**
 * Longer than an order may take to be paid or given up (15 minutes): what expires is what an order left behind that died
 * without a word.
 */
const ttlSeconds = z.coerce
  .number()
  .int()
  .positive()
  .default(20 * 60)
  .parse(process.env["RESERVATION_SECONDS"]);

let counts: StockCounts;

/** The catalog: what is sold, and how much of it is left. */
await startService({
  name: "catalog",
  migrations,
  seed,
  callees: [],
  routes(app, { database, idempotency, log, metrics }) {
    productRoutes(app, database);
    const inbox = createInbox(database, idempotency);
    counts = countStock(metrics);
    stockRoutes(app, { database, inbox, log, counts, ttlSeconds });
  },
  background(service) {
    void sweep(service.database, counts, service);
  },
});
