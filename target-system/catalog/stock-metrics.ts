import { Counter, Gauge, type Registry } from "prom-client";
import { HttpError } from "../service-kit/http-error.ts";
import type { Reception } from "./reservations.ts";
import type { StockLevels } from "./stock.ts";

export interface StockCounts {
  received(reception: Reception): void;
  /** Counts how a request to reserve ends, and passes it on. */
  reserving<T>(reservation: Promise<T>): Promise<T>;
  expired(count: number): void;
  /** Undefined where it could not be read: then there is no value, rather than an old one. */
  levels(levels: StockLevels | undefined): void;
}

export function countStock(registry: Registry): StockCounts {
  const registers = [registry];
  const events = new Counter({
    name: "catalog_events_received_total",
    help: "Events of orders, by what became of them: done, duplicate, ignored, or short (confirmed, but sold out since).",
    labelNames: ["reception"] as const,
    registers,
  });
  for (const reception of ["done", "duplicate", "ignored", "short"] satisfies Reception[])
    events.inc({ reception }, 0);
  const reservations = new Counter({
    name: "catalog_reservations_total",
    help: "Requests to hold stock for an order: reserved, out of stock, refused for another reason, or failed.",
    labelNames: ["outcome"] as const,
    registers,
  });
  for (const outcome of ["reserved", "out-of-stock", "refused", "failed"]) reservations.inc({ outcome }, 0);
  const expired = new Counter({
    name: "catalog_reservations_expired_total",
    help: "Reservations whose time ran out before anybody committed or released them.",
    registers,
  });
  const units = new Gauge({
    name: "catalog_stock_units",
    help: "Units of all products: available, held by orders, and sold. The same at every replica.",
    labelNames: ["state"] as const,
    registers,
  });
  const soldOut = new Gauge({
    name: "catalog_products_sold_out",
    help: "Products of which none is available. The same at every replica.",
    labelNames: [],
    registers,
  });
  soldOut.remove(); // not 0 before it was counted
  return {
    received: (reception) => events.inc({ reception }),
    async reserving(reservation) {
      try {
        const reserved = await reservation;
        reservations.inc({ outcome: "reserved" });
        return reserved;
      } catch (error) {
        reservations.inc({ outcome: outcomeOf(error) });
        throw error;
      }
    },
    expired: (count) => expired.inc(count),
    levels(levels) {
      if (levels === undefined) {
        units.reset();
        return soldOut.remove();
      }
      const { soldOut: count, ...states } = levels;
      for (const [state, value] of Object.entries(states)) units.set({ state }, value);
      soldOut.set(count);
    },
  };
}

function outcomeOf(error: unknown): "out-of-stock" | "refused" | "failed" {
  if (!(error instanceof HttpError) || error.status >= 500) return "failed";
  return error.code === "out-of-stock" ? "out-of-stock" : "refused";
}
