import { Counter, type Registry } from "prom-client";
import { createLabelCap } from "../service-kit/label-cap.ts";
import type { Compensation } from "./checkout.ts";
import { changes, type Change } from "./orders.ts";

export interface OrderCounts {
  changed(change: Change): void;
  /** @param reason as the partner had it that refused the order */
  compensated(compensation: Compensation, reason: string): void;
}

/** Ours and the partners' together; a partner that has more to say is not to fill the memory of who listens. */
const mostReasons = 24;

export function countOrders(registry: Registry): OrderCounts {
  const registers = [registry];
  const orders = new Counter({
    name: "order_orders_total",
    help: "Orders that were placed, and what became of them: each change of an order counts once.",
    labelNames: ["change"] as const,
    registers,
  });
  for (const change of changes) orders.inc({ change }, 0);
  const compensations = new Counter({
    name: "order_compensations_total",
    help: "What was given back of orders that came to nothing: refunds of money, releases of stock, by why.",
    labelNames: ["compensation", "reason"] as const,
    registers,
  });
  const known = createLabelCap(mostReasons);
  return {
    changed: (change) => orders.inc({ change }),
    compensated: (compensation, reason) => compensations.inc({ compensation, reason: known(reason) }),
  };
}
