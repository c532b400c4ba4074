import { Client as Connection, type Dispatcher } from "undici";
import { systemClock } from "../base/clock.ts";
import { messageOf, systemErrorCode } from "../base/errors.ts";

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
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Origin: scheme, host and port. */
  readonly baseUrl: string;
  readonly maxConnections: number;
  /** From the call of `exchange` to the end of the answer. */
  readonly timeoutMs: number;
}

export interface ClientRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** How a request went. Times are epoch milliseconds; only those with `sentMs` can have been executed. */
export type Exchange =
  | {
      readonly kind: "answered";
      readonly sentMs: number;
      readonly endedMs: number;
      readonly status: number;
      readonly headers: Headers;
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

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Length of the queue, as a multiple of the connections. */
const queueFactor = 4;
const overMessage = "the load was over";

export function createClient({ baseUrl, maxConnections, timeoutMs }: ClientOptions): Client {
  const connections: Connection[] = [];
  /** The last used is used next, so that no more are kept alive than are needed. */
  const idle: Connection[] = [];
  const maxQueued = maxConnections * queueFactor;
  /** In order of arrival. */
  const queue = new Set<Attempt>();
  const onConnections = new Set<Attempt>();
  let isCut = false;

  const connect = (): Connection => {
    const connection = new Connection(baseUrl, {
      pipelining: 1,
      connect: { timeout: timeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    connections.push(connection);
    return connection;
  };
  const freeConnection = (): Connection | undefined =>
    idle.pop() ?? (connections.length < maxConnections ? connect() : undefined);
  const dispatch = (attempt: Attempt, connection: Connection): void => {
    onConnections.add(attempt);
    attempt.onOver = () => {
      onConnections.delete(attempt);
      const [next] = queue;
      if (next === undefined) return void idle.push(connection);
      queue.delete(next);
      dispatch(next, connection);
    };
    connection.dispatch(attempt.options, attempt);
  };

  return {
    exchange(request) {
      const attempt = new Attempt(request);
      const timer = setTimeout(
        () => attempt.giveUp(`no whole answer within ${timeoutMs} ms`, queue.delete(attempt)),
        timeoutMs,
      );
      const connection = isCut ? undefined : freeConnection();
      if (connection !== undefined) dispatch(attempt, connection);
      else if (isCut) attempt.giveUp(overMessage, true);
      else if (queue.size < maxQueued) queue.add(attempt);
      else attempt.giveUp(`${maxConnections} connections busy, ${queue.size} requests waiting`, true);
      return attempt.settled.finally(() => clearTimeout(timer));
    },
    cut() {
      isCut = true;
      const waiting = [...queue];
      queue.clear();
      for (const attempt of waiting) attempt.giveUp(overMessage, true);
      for (const attempt of onConnections) attempt.giveUp(overMessage, false);
    },
    async close() {
      await Promise.all(connections.map((connection) => connection.destroy()));
    },
  };
}

/** One request on its way; told by undici what becomes of it. */
class Attempt implements Dispatcher.DispatchHandler {
  readonly options: Dispatcher.DispatchOptions;
  readonly settled: Promise<Exchange>;
  /** Called when the connection is free again. */
  onOver: () => void = () => undefined;
  readonly #resolve: (exchange: Exchange) => void;
  readonly #reject: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #givenUp: string | undefined;
  #sentMs: number | undefined;
  #status: number | undefined;
  #headers: Headers = {};
  readonly #chunks: Buffer[] = [];

  constructor({ method, path, headers, body }: ClientRequest) {
    this.options = { method, path, headers, body: body ?? null };
    ({ promise: this.settled, resolve: this.#resolve, reject: this.#reject } = Promise.withResolvers());
  }

  /** Called as the request is put on a connection, not before. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#givenUp !== undefined) return controller.abort(new Error(this.#givenUp));
    this.#controller = controller;
    this.#sentMs = systemClock.nowMs();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#resolve({
      kind: "answered",
      sentMs: this.#sentMs as number,
      endedMs: systemClock.nowMs(),
      status: this.#status as number,
      headers: this.#headers,
      text: Buffer.concat(this.#chunks).toString("utf8"),
    });
    this.onOver();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (systemErrorCode(error) === "UND_ERR_INVALID_ARG") this.#reject(error);
    else this.#resolve(this.#without("reset", "refused", messageOf(error)));
    this.onOver();
  }

  giveUp(why: string, wasWaiting: boolean): void {
    this.#givenUp = why;
    this.#resolve(this.#without("timeout", wasWaiting ? "not-sent" : "refused", why));
    this.#controller?.abort(new Error(why));
  }

  /** The end of an exchange without an answer: of one kind when it was sent, of another when it was not. */
  #without(sent: "timeout" | "reset", unsent: "refused" | "not-sent", message: string): Exchange {
    const endedMs = systemClock.nowMs();
    if (this.#sentMs === undefined) return { kind: unsent, endedMs, message };
    return {
      kind: sent,
      sentMs: this.#sentMs,
      endedMs,
      message,
      ...(this.#status === undefined ? {} : { status: this.#status }),
    };
  }
}
