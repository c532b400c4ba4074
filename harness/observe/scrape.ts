import { Agent, get, type ClientRequest, type IncomingMessage } from "node:http";
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

  return {
    async scrape(url) {
      const atMs = systemClock.nowMs();
      const asking = ask(url, agent, limitBytes);
      // A timer of its own: a signal that aborts costs as much as the whole request.
      let isLate = false;
      const late = setTimeout(() => {
        isLate = true;
        asking.cut();
      }, deadlineMs);
      const ended = <Outcome>(outcome: Outcome) => ({
        atMs,
        durationMs: systemClock.nowMs() - atMs,
        ...outcome,
      });
      try {
        return ended({ kind: "answered", ...(await asking.answer) });
      } catch (error) {
        const message = isLate ? `no whole answer within ${deadlineMs} ms` : messageOf(error);
        return ended({ kind: "failed", message });
      } finally {
        clearTimeout(late);
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

interface Answer {
  readonly contentType: string;
  readonly body: string;
}

interface Asking {
  readonly answer: Promise<Answer>;
  cut(): void;
}

function ask(url: string, agent: Agent, limitBytes: number): Asking {
  const { promise: answer, resolve, reject } = Promise.withResolvers<Answer>();
  let isCut = false;
  let request = send();
  return {
    answer,
    cut() {
      isCut = true;
      request.destroy(new Error("cut"));
    },
  };

  function send(): ClientRequest {
    const sent = get(url, { agent, headers: { accept } }, (response) => {
      if (response.statusCode !== 200) {
        reject(new Error(`expected status 200, got ${response.statusCode}`));
        response.destroy();
      } else
        whole(response, limitBytes).then(
          (body) => resolve({ contentType: response.headers["content-type"] ?? "", body }),
          reject,
        );
    });
    sent.on("error", (error) => {
      // The target has closed the kept connection just now, as it may at any time: that says nothing of its health.
      const isStale = sent.reusedSocket && systemErrorCode(error) === "ECONNRESET" && !isCut;
      if (isStale) request = send();
      else reject(error);
    });
    return sent;
  }
}

/** By its events: an iterator over a stream costs as much as the whole request. */
function whole(response: IncomingMessage, limitBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > limitBytes) response.destroy(new Error(`expected at most ${limitBytes} bytes`));
    });
    response.on("error", reject);
    response.on("end", () => resolve(Buffer.concat(chunks, sizeBytes).toString("utf8")));
  });
}
