import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import type { Database } from "../service-kit/database.ts";
import { pause } from "../service-kit/pause.ts";
import { expire } from "./reservations.ts";

const everyMs = 1_000;
const batchSize = 100;

/** Gives back the stock of reservations whose time is up, until the signal aborts. Replicas share the work row by row. */
export async function sweep(
  database: Database,
  {
    log,
    metrics,
    signal,
  }: { readonly log: Logger; readonly metrics: Registry; readonly signal: AbortSignal },
): Promise<void> {
  const expired = new Counter({
    name: "catalog_reservations_expired_total",
    help: "Reservations whose time ran out before anybody committed or released them.",
    registers: [metrics],
  });
  while (!signal.aborted) {
    const count = await expire(database, batchSize).catch((error: unknown) => {
      log.warn({ err: error }, "reservations could not be swept");
      return 0;
    });
    expired.inc(count);
    if (count > 0) log.info({ count }, "reservations expired");
    if (count < batchSize) await pause(everyMs, signal);
  }
}
