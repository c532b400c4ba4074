import { Agent, get, type IncomingMessage } from "node:http";
import { systemClock } from "../base/clock.ts";
import { messageOf, systemErrorCode } from "../base/errors.ts";

/** Where a process shows its metrics. */
export interface ScrapeTarget {
  /** What it is, "order", and which of them, "order-2": the two labels that Prometheus gives to whatever it scrapes. */
  readonly job: string;
  readonly instance: string;
  /** Past the proxies: `http://127.0.0.1:4100/metrics`. */
  readonly url: string;
}

export interface ScrapeBounds {
  readonly deadlineMs: number;
  readonly limitBytes: number;
}

/** @default of every scrape: over before the next one is due */
export const scrapeBounds: ScrapeBounds = { deadlineMs: 900, limitBytes: 8_000_000 };

/** One look at a target: what it said, or why it did not. */
export type Scrape = {
  /** When it began, epoch milliseconds. */
  readonly atMs: number;
  readonly durationMs: number;
} & (
  | { readonly kind: "answered"; readonly contentType: string; readonly body: string }
  | { readonly kind: "failed"; readonly message: string }
);

/** As Prometheus asks: OpenMetrics first, since it alone has exemplars. */
const accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/**
 * Asks a target for its metrics, over a connection that is kept from one scrape to the next, as Prometheus does. A service
 * that ends waits for its callers to leave: whoever scrapes it no more disposes of this.
 */
export interface Scraper extends Disposable {
  /** Under a fault some do not answer, or not in time: that is returned, never thrown. */
  scrape(url: string): Promise<Scrape>;
}

export function createScraper({ deadlineMs, limitBytes }: ScrapeBounds = scrapeBounds): Scraper {
  const agent = new Agent({ keepAlive: true });

  const ask = (url: string, signal: AbortSignal): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = get(url, { agent, headers: { accept }, signal }, resolve);
      request.on("error", (error) => {
        // The target has closed the kept connection just now, as it may at any time: that says nothing of its health.
        const isStale = request.reusedSocket && systemErrorCode(error) === "ECONNRESET" && !signal.aborted;
        if (isStale) ask(url, signal).then(resolve, reject);
        else reject(error);
      });
    });

  return {
    async scrape(url) {
      const atMs = systemClock.nowMs();
      const deadline = AbortSignal.timeout(deadlineMs);
      const ended = <Outcome>(outcome: Outcome) => ({
        atMs,
        durationMs: systemClock.nowMs() - atMs,
        ...outcome,
      });
      try {
        const response = await ask(url, deadline);
        if (response.statusCode !== 200) {
          response.destroy();
          throw new Error(`expected status 200, got ${response.statusCode}`);
        }
        const body = await textOf(response, limitBytes);
        return ended({ kind: "answered", contentType: response.headers["content-type"] ?? "", body });
      } catch (error) {
        const message = deadline.aborted ? `no whole answer within ${deadlineMs} ms` : messageOf(error);
        return ended({ kind: "failed", message });
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

async function textOf(response: IncomingMessage, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes) throw new Error(`expected at most ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes).toString("utf8");
}
