import { systemClock, type Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { openMetricsLog } from "../record/metrics-log.ts";
import { createScraper, type ScrapeBounds, type Scraper, type ScrapeTarget } from "./scrape.ts";

/**
 * Keeps what all targets say of themselves while a run goes on, each of them once a second, spread over the second.
 *
 *   targets ──GET /metrics──→ recorder ──→ metrics/scrapes.jsonl.gz
 *   own ─────────────────────────┘         (a scrape that failed is a line as well)
 *
 * What is scraped is not read, only packed and written as it comes, so that on the engine's thread a scrape takes a
 * millisecond or two (bench/observe/scrape.ts), and a crash loses those that were under way.
 */
export interface MetricsRecorder extends AsyncDisposable {
  /** Keeps the recorder's own metrics as they are now, besides once a second: when something of them has changed. */
  recordOwn(): void;
  readonly figures: RecorderFigures;
}

export interface RecorderFigures {
  /** Of others, whether or not they answered. */
  readonly scrapes: number;
  readonly failed: number;
  /** Targets that were scraped so far. */
  readonly targets: number;
  readonly sizeBytes: number;
  /** Why not all was written. */
  readonly problem: string | undefined;
}

/** Metrics of the process that records, which nobody has to ask for over HTTP. */
export interface OwnMetrics extends Omit<ScrapeTarget, "url"> {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface MetricsRecorderOptions {
  readonly file: string;
  readonly run: string;
  /** Those of the moment: asked for once a second. */
  readonly targets: () => readonly ScrapeTarget[];
  readonly own: OwnMetrics;
  /** @default a second */
  readonly everyMs?: number;
  readonly bounds?: ScrapeBounds;
  readonly clock?: Clock;
}

/** Changes that come together are kept together: two samples of a series are this far apart. */
const ownAfterMs = 5;

/**
 * Begins to record.
 * @throws {SQUALL_FILE} when the file cannot be written
 */
export function recordMetrics(options: MetricsRecorderOptions): MetricsRecorder {
  const { run, targets, own, everyMs = 1_000, bounds, clock = systemClock } = options;
  const log = openMetricsLog(options.file);
  const stopping = new AbortController();
  const seen = new Set<string>();
  const scrapers = new Map<string, Scraper>();
  const busy = new Set<string>();
  const scraping = new Set<Promise<void>>();
  const counts = { scrapes: 0, failed: 0 };
  let problem: string | undefined;
  /** Own lines, one after the other; and one that is to come because something has changed. */
  let keptOwn = Promise.resolve();
  let changed: Promise<void> | undefined;

  log.append({ event: "recording-began", version: 1, run, everyMs });
  const recording = record();

  return {
    recordOwn() {
      changed ??= clock.sleep(ownAfterMs).then(() => {
        changed = undefined;
        return keepOwn();
      });
    },
    get figures() {
      return { ...counts, targets: seen.size, sizeBytes: log.sizeBytes, problem: problem ?? log.problem };
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await recording;
      await Promise.all(scraping);
      leaveAllBut([]);
      await changed;
      await clock.sleep(ownAfterMs);
      await keepOwn();
      log[Symbol.dispose]();
    },
  };

  async function record(): Promise<void> {
    const startMs = clock.nowMs();
    for (let tick = 0; ; tick = Math.max(tick + 1, Math.floor((clock.nowMs() - startMs) / everyMs))) {
      const tickMs = startMs + tick * everyMs;
      await waitUntil(tickMs);
      if (stopping.signal.aborted) return;
      try {
        const now = targets();
        leaveAllBut(now);
        now.forEach((target, index) => plan(target, tickMs + (everyMs * (index + 1)) / (now.length + 1)));
      } catch (error) {
        problem = `targets are not known: ${messageOf(error)}`;
      }
      void keepOwn();
    }
  }

  /** Scrapes a target when its share of the second has come. */
  function plan(target: ScrapeTarget, atMs: number): void {
    const one = waitUntil(atMs).then(() => keep(target));
    scraping.add(one);
    void one.finally(() => scraping.delete(one));
  }

  async function keep({ job, instance, url }: ScrapeTarget): Promise<void> {
    const key = keyOf({ job, instance });
    if (stopping.signal.aborted || busy.has(key)) return;
    seen.add(key);
    busy.add(key);
    const scraper = scrapers.get(key) ?? createScraper(bounds);
    scrapers.set(key, scraper);
    const scraped = await scraper.scrape(url);
    busy.delete(key);
    counts.scrapes += 1;
    const { atMs, durationMs } = scraped;
    const of = { job, instance, atMs, durationMs };
    switch (scraped.kind) {
      case "answered":
        return log.append({ event: "scraped", ...of, contentType: scraped.contentType, body: scraped.body });
      case "failed":
        counts.failed += 1;
        return log.append({ event: "scrape-failed", ...of, message: scraped.message });
    }
  }

  function leaveAllBut(targets: readonly ScrapeTarget[]): void {
    const keys = new Set(targets.map(keyOf));
    for (const [key, scraper] of scrapers) {
      if (keys.has(key)) continue;
      scraper[Symbol.dispose]();
      scrapers.delete(key);
    }
  }

  function keepOwn(): Promise<void> {
    keptOwn = keptOwn.then(async () => {
      const atMs = clock.nowMs();
      try {
        const { job, instance, contentType } = own;
        const body = await own.text();
        const durationMs = clock.nowMs() - atMs;
        log.append({ event: "scraped", job, instance, atMs, durationMs, contentType, body });
      } catch (error) {
        problem = `own metrics could not be told: ${messageOf(error)}`;
      }
    });
    return keptOwn;
  }

  async function waitUntil(atMs: number): Promise<void> {
    await clock.sleep(atMs - clock.nowMs(), stopping.signal).catch(() => undefined);
  }
}

function keyOf({ job, instance }: Pick<ScrapeTarget, "job" | "instance">): string {
  return JSON.stringify([job, instance]);
}
