import { Outbox } from "../service-kit/outbox.ts";
import { startRelay } from "../service-kit/relay.ts";
import { startService } from "../service-kit/service.ts";
import { orderIdAttribute } from "../service-kit/tracing/order-span.ts";
import { Checkout } from "./checkout.ts";
import { countOrders } from "./order-metrics.ts";
import { OrderPages } from "./order-pages.ts";
import { orderRoutes } from "./order-routes.ts";
import { Orders } from "./orders.ts";
import { createPartners } from "./partners.ts";
import { schema } from "./schema.ts";

/** order: makes orders out of stock and payments, keeps their history, and tells the others what becomes of them. */

/** Told of every change of an order. */
const subscribers = ["notification", "recommendation", "catalog"] as const;

let checkout: Checkout;
let relaying: Promise<void> = Promise.resolve();

await startService({
  name: "order",
  migrations: [{ id: "001-order", sql: schema }],
  callees: ["catalog", "payment", "notification", "recommendation"],
  routes(app, { database, callee, idempotency, log, metrics }) {
    const counts = countOrders(metrics);
    checkout = new Checkout({
      orders: new Orders(database.query, subscribers, (change) => counts.changed(change)),
      partners: createPartners(callee("catalog"), callee("payment")),
      log,
      onRepeat: () => idempotency.suppressed("POST /orders"),
      onCompensated: (compensation, reason) => counts.compensated(compensation, reason),
    });
    // What is being told is told to its end, and its spans are sent, before the connections are closed.
    app.addHook("onClose", () => relaying);
    orderRoutes(app, checkout, new OrderPages(database.query), idempotency);
  },
  background({ database, callee, log, metrics, signal }) {
    relaying = startRelay({
      outbox: new Outbox(database),
      subscribers: subscribers.map((name) => ({ name, callee: callee(name) })),
      streamAttribute: orderIdAttribute,
      log,
      metrics,
      signal,
    });
    void checkout.sweepUntil(signal);
  },
});
