import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";

/** Where one service shows its metrics. */
export interface MetricsAddress {
  readonly name: string;
  readonly url: string;
}

export interface ScrapeFailure {
  readonly name: string;
  readonly message: string;
}

/**
 * Writes what each service's metrics are now to `<folder>/<name>.prom`, in Prometheus' text format, all at once. Under a
 * fault some will not answer: that is returned, never thrown.
 */
export async function scrapeMetrics(
  addresses: readonly MetricsAddress[],
  folder: string,
  signal: AbortSignal,
): Promise<readonly ScrapeFailure[]> {
  const scrape = async ({ name, url }: MetricsAddress): Promise<readonly ScrapeFailure[]> => {
    try {
      // A connection that is kept would hold up a service that is asked to end.
      const response = await fetch(url, { signal, headers: { connection: "close" } });
      const text = await response.text();
      if (!response.ok) throw new Error(`expected status 200, got ${response.status}`);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, `${name}.prom`), text);
      return [];
    } catch (error) {
      return [{ name, message: messageOf(error) }];
    }
  };
  return (await Promise.all(addresses.map(scrape))).flat();
}
