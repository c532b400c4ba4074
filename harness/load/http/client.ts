import { systemClock } from "../../base/clock.ts";
import { Line, type Place } from "../line.ts";
import type { AnswerHeaders } from "./answer-head.ts";
import type { AnswerParser } from "./answer-parser.ts";
import { Connection, type Asker, type ConnectionKeeper } from "./connection.ts";
import { originOf, type TlsOptions } from "./origin.ts";
import { createRequestWriter, type ClientRequest, type WrittenRequest } from "./request-writer.ts";

export type { ClientRequest } from "./request-writer.ts";
export type { TlsOptions } from "./origin.ts";

/**
 * The HTTP client of the load: at most so many connections, kept alive, one request at a time on each, no retries; and
 * behind them a queue that is bounded too.
 *
 *   exchange ─┬ connection free ─→ connecting ─→ sent ─→ answered | timeout | reset
 *             ├ queue not full ──→ waits for one ┘  └→ refused
 *             └ else ────────────→ not-sent
 *
 * A request is given up when its time is over, wherever it is by then. What becomes of it depends on one thing only:
 * whether it was put on a connection. If not, it surely was not executed.
 */
export interface Client {
  /** Settles within the time-out. @throws when the request itself is malformed */
  exchange(request: ClientRequest): Promise<Exchange>;
  /** Gives up every request at once, as if its time were over. */
  cut(): void;
  /** Cuts, and closes every connection. */
  close(): Promise<void>;
  /** Bytes that came and belong to no answer. The connections on which they came were closed. */
  readonly unaskedBytes: number;
}

export interface ClientOptions {
  /** Scheme, host and port, and what is to stand before each path, if anything. */
  readonly baseUrl: string;
  readonly maxConnections: number;
  /** From the call of `exchange` to the end of the answer. */
  readonly timeoutMs: number;
  readonly tls?: TlsOptions;
}

/** How a request went. Times are epoch milliseconds; only those with `sentMs` can have been executed. */
export type Exchange =
  | {
      readonly kind: "answered";
      readonly sentMs: number;
      readonly endedMs: number;
      readonly status: number;
      readonly headers: AnswerHeaders;
      readonly text: string;
    }
  | {
      readonly kind: "timeout" | "reset";
      readonly sentMs: number;
      readonly endedMs: number;
      /** Of an answer that began and was cut off. */
      readonly status?: number;
      readonly message: string;
    }
  | { readonly kind: "not-sent" | "refused"; readonly endedMs: number; readonly message: string };

/** Length of the queue, as a multiple of the connections. */
const queueFactor = 4;
const overMessage = "the load was over";
/**
 * How long an idle connection is used again: until shortly before the server closes it by its own word, or for a while
 * that is shorter than servers' defaults. A request that crosses the server's closing on the way would be lost, and with
 * it the knowledge whether it was executed.
 */
const defaultReuseMs = 4_000;
const reuseMarginMs = 1_000;

/** @throws {SQUALL_USAGE} when the base URL is none */
export function createClient(options: ClientOptions): Client {
  return new Pool(options);
}

class Pool implements Client, ConnectionKeeper {
  unaskedBytes = 0;
  readonly #options: ClientOptions;
  readonly #origin;
  readonly #write;
  readonly #connections = new Set<Connection>();
  /** The last used is used next, so that no more are kept alive than are needed. Closed ones may be among them. */
  readonly #idle: Connection[] = [];
  /** Those not settled, in order of their deadlines, since all have the same time. */
  readonly #unsettled = new Line<Attempt>();
  /** Those of them that wait for a connection. */
  readonly #queue = new Line<Attempt>();
  #deadline: NodeJS.Timeout | undefined;
  #isCut = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#origin = originOf(options.baseUrl, options.tls);
    this.#write = createRequestWriter(this.#origin);
  }

  exchange(request: ClientRequest): Promise<Exchange> {
    return new Promise((resolve) => {
      const { maxConnections, timeoutMs } = this.#options;
      const nowMs = systemClock.nowMs();
      const attempt = new Attempt(this, this.#write(request), nowMs + timeoutMs, resolve);
      if (this.#isCut) return attempt.endUnsent("not-sent", overMessage);
      const connection = this.#freeConnection(nowMs);
      const waiting = this.#queue.length;
      if (connection === undefined && waiting >= maxConnections * queueFactor)
        return attempt.endUnsent(
          "not-sent",
          `${maxConnections} connections busy, ${waiting} requests waiting`,
        );
      attempt.unsettled = this.#unsettled.join(attempt);
      this.#deadline ??= setTimeout(this.#sweep, timeoutMs).unref();
      if (connection === undefined) attempt.queued = this.#queue.join(attempt);
      else attempt.goOn(connection);
    });
  }

  cut(): void {
    this.#isCut = true;
    this.#giveUp([...this.#unsettled], overMessage);
  }

  async close(): Promise<void> {
    this.cut();
    clearTimeout(this.#deadline);
    for (const connection of this.#connections) connection.close(overMessage);
  }

  onUnasked(sizeBytes: number): void {
    this.unaskedBytes += sizeBytes;
  }

  onClosed(connection: Connection): void {
    this.#connections.delete(connection);
  }

  /** An attempt is over. @param connection that it was on, open or closed */
  release({ unsettled, queued }: Attempt, connection: Connection | undefined): void {
    if (unsettled !== undefined) this.#unsettled.leave(unsettled);
    if (queued !== undefined) this.#queue.leave(queued);
    if (connection === undefined) return;
    if (connection.isOpen) this.#idle.push(connection);
    const next = this.#queue.first();
    if (next?.queued === undefined) return;
    const free = this.#freeConnection(systemClock.nowMs());
    if (free === undefined) return;
    this.#queue.leave(next.queued);
    next.goOn(free);
  }

  #freeConnection(nowMs: number): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (connection.isOpen && nowMs < connection.reusableUntilMs) return connection;
      connection.close("it was idle for too long");
    }
    if (this.#connections.size >= this.#options.maxConnections) return undefined;
    const connection = new Connection(this.#origin, this);
    this.#connections.add(connection);
    return connection;
  }

  /** One timer for all: it comes when the first may be due, and looks who is. */
  readonly #sweep = (): void => {
    const { timeoutMs } = this.#options;
    const nowMs = systemClock.nowMs();
    const due: Attempt[] = [];
    let nextMs: number | undefined;
    for (const attempt of this.#unsettled) {
      if (attempt.deadlineMs > nowMs) {
        nextMs = attempt.deadlineMs - nowMs;
        break;
      }
      due.push(attempt);
    }
    this.#deadline = nextMs === undefined ? undefined : setTimeout(this.#sweep, Math.ceil(nextMs)).unref();
    this.#giveUp(due, `no whole answer within ${timeoutMs} ms`);
  };

  #giveUp(attempts: readonly Attempt[], why: string): void {
    // None of them may get a connection that another one leaves.
    for (const { queued } of attempts) if (queued !== undefined) this.#queue.leave(queued);
    for (const attempt of attempts) attempt.giveUp(why);
  }
}

/** One request on its way. */
class Attempt implements Asker {
  readonly request: WrittenRequest;
  readonly deadlineMs: number;
  /** Its places in the pool's lines. */
  unsettled: Place<Attempt> | undefined;
  queued: Place<Attempt> | undefined;
  readonly #pool: Pool;
  readonly #resolve: (exchange: Exchange) => void;
  #connection: Connection | undefined;
  #sentMs: number | undefined;
  #isGivenUp = false;

  constructor(
    pool: Pool,
    request: WrittenRequest,
    deadlineMs: number,
    resolve: (exchange: Exchange) => void,
  ) {
    this.#pool = pool;
    this.request = request;
    this.deadlineMs = deadlineMs;
    this.#resolve = resolve;
  }

  goOn(connection: Connection): void {
    this.#connection = connection;
    connection.ask(this);
  }

  onSent(): void {
    this.#sentMs = systemClock.nowMs();
  }

  onAnswer({ status, headers, text, keptAliveMs }: AnswerParser): void {
    const endedMs = systemClock.nowMs();
    const connection = this.#connection as Connection;
    connection.reusableUntilMs = endedMs + reuseMs(keptAliveMs);
    this.#pool.release(this, connection);
    this.#resolve({
      kind: "answered",
      sentMs: this.#sentMs as number,
      endedMs,
      status,
      headers,
      text,
    });
  }

  onLost(message: string, status: number | undefined): void {
    const sentMs = this.#sentMs;
    if (sentMs === undefined) return this.endUnsent("refused", message);
    const kind = this.#isGivenUp ? "timeout" : "reset";
    const endedMs = systemClock.nowMs();
    this.#pool.release(this, this.#connection);
    this.#resolve({ kind, sentMs, endedMs, message, ...(status === undefined ? {} : { status }) });
  }

  giveUp(why: string): void {
    this.#isGivenUp = true;
    if (this.#connection === undefined) this.endUnsent("not-sent", why);
    else this.#connection.close(why);
  }

  endUnsent(kind: "refused" | "not-sent", message: string): void {
    this.#pool.release(this, this.#connection);
    this.#resolve({ kind, endedMs: systemClock.nowMs(), message });
  }
}

function reuseMs(keptAliveMs: number | undefined): number {
  return keptAliveMs === undefined ? defaultReuseMs : Math.max(keptAliveMs - reuseMarginMs, keptAliveMs / 2);
}
