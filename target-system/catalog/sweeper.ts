import type { Database } from "../service-kit/database.ts";
import { pause } from "../service-kit/pause.ts";
import type { ServiceContext } from "../service-kit/service.ts";
import { expire } from "./reservations.ts";
import { stockLevels } from "./stock.ts";
import type { StockCounts } from "./stock-metrics.ts";

const everyMs = 1_000;
const batchSize = 100;

/**
 * Gives back the stock of reservations whose time is up, and counts what there is, until the signal aborts. Replicas share
 * the work row by row.
 */
export async function sweep(
  database: Database,
  counts: StockCounts,
  { log, signal }: Pick<ServiceContext, "log" | "signal">,
): Promise<void> {
  while (!signal.aborted) {
    const count = await expire(database, batchSize).catch((error: unknown) => {
      log.warn({ err: error }, "reservations could not be swept");
      return 0;
    });
    counts.expired(count);
    if (count > 0) log.info({ count }, "reservations expired");
    if (count === batchSize) continue;
    const levels = stockLevels(database.query);
    counts.levels(
      await levels.catch((error: unknown) => void log.info({ err: error }, "stock was not counted")),
    );
    await pause(everyMs, signal);
  }
}
