import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import pg from "pg";
import type { Logger } from "pino";
import type { Patterns } from "./patterns/patterns.ts";
import { poolAttributes, traceWait } from "./tracing/pool-wait.ts";
import { beginStatement } from "./tracing/statement-span.ts";

export type Row = Readonly<Record<string, unknown>>;
export type Query = <R extends Row>(text: string, values?: readonly unknown[]) => Promise<R[]>;

/** A service's own database: a pool of connections. */
export interface Database {
  /** For code that wants node-postgres itself; its `query` throws a connection away after any error. */
  readonly pool: pg.Pool;
  /** Runs one statement. @throws {DatabaseUnavailable} when it got no answer; what the server refuses, as pg throws it */
  readonly query: Query;
  /**
   * Commits when `work` resolves, rolls back when it rejects. What fails for a conflict with others is done again, once:
   * `work` must do nothing but query.
   * @throws {DatabaseUnavailable} when there was no answer; of the commit: it may have happened
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Tells of NOTIFY on a channel, and once after each (re)connection, until the signal aborts. */
  listen(channel: string, onNotify: () => void, signal: AbortSignal): void;
  close(): Promise<void>;
}

/** The database gave no answer: not reached, cut off, or too slow. */
export class DatabaseUnavailable extends Error {
  override readonly name: string = "DatabaseUnavailable";

  constructor(cause: unknown) {
    super(`the database did not answer: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

/** The database ended what was asked since it met with what others do at the same time. All of it is undone. */
class DatabaseConflict extends DatabaseUnavailable {
  override readonly name = "DatabaseConflict";
}

/** Something that was waited for, told as it ends. */
export type DatabaseEvent = { readonly durationMs: number } & (
  | { readonly kind: "waited"; readonly outcome: "had" | "not-had" }
  | { readonly kind: "queried"; readonly outcome: "done" | "refused" | "conflict" | "unanswered" }
);

export type TellDatabase = (event: DatabaseEvent) => void;

const connectTimeoutMs = 1_500;
const queryTimeoutMs = 2_000;
const maxConnections = 12;
/** Each is 3 MB of the server's. Those that a burst needed are given back soon after it; what is at work stays. */
const idleTimeoutMs = 10_000;

/**
 * SQLSTATEs by which the server says "not now" rather than "no": its connections, resources, conflicts with others, lock
 * and statement timeouts, not accepting connections, and its own going down. Whatever was begun is undone.
 */
const notNow = /^(08|25P03|40|53|55000|55P03|57)/;

/** Serialization failure and deadlock: the same work is likely to go through when it is done again. */
const conflicts = /^40(001|P01)/;

/**
 * SQLSTATEs of values that no column takes, whoever sent them: numbers out of range, bytes that are no text (such as NUL),
 * text that is no uuid or number, escapes that are no character.
 */
const badInput = /^(22003|22021|22P02|22P05)/;

/** Whether the database refused a value for its form: the fault of whoever sent it. */
export function isBadInput(error: unknown): boolean {
  return error instanceof pg.DatabaseError && badInput.test(error.code ?? "");
}

/**
 * With timeouts, a query that gets no answer rejects and its connection is thrown away, so that a database which swallows
 * everything is felt for seconds and not for ever. `query_timeout` is the driver's own; the server's timeouts end what a
 * connection that was given up left behind there, with the locks that it holds.
 *
 * The number of connections is bounded whatever the patterns are; with timeouts, so is the wait for one.
 */
export function openDatabase(
  url: string,
  patterns: Patterns,
  log: Logger,
  tell: TellDatabase = () => undefined,
): Database {
  const hasTimeouts = patterns.has("timeouts");
  const place = poolAttributes(url);
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    idleTimeoutMillis: idleTimeoutMs,
    keepAlive: true,
    ...(hasTimeouts && {
      connectionTimeoutMillis: connectTimeoutMs,
      query_timeout: queryTimeoutMs,
      lock_timeout: queryTimeoutMs,
      // Longer than the client waits: it is for what the client gave up.
      statement_timeout: queryTimeoutMs + 500,
      idle_in_transaction_session_timeout: 2 * queryTimeoutMs,
    }),
  });
  // The pool replaces an idle connection that breaks; unheard, its error would end the process. It is nobody's by now, least
  // of all the request's for which it was opened, in whose trace it breaks.
  pool.on("error", (error) => {
    // Which is all of the connection, the key that cancels its queries among it.
    Object.defineProperty(error, "client", { enumerable: false });
    context.with(ROOT_CONTEXT, () => log.warn({ err: error }, "idle database connection lost"));
  });

  const withClient = async <T>(work: (client: Connection) => Promise<T>): Promise<T> => {
    const askedMs = performance.now();
    const waited = (outcome: "had" | "not-had"): void =>
      tell({ kind: "waited", outcome, durationMs: performance.now() - askedMs });
    const client = await pool.connect().catch((error: unknown) => {
      waited("not-had");
      traceWait(place, askedMs, error);
      throw isRefusal(error) ? error : new DatabaseUnavailable(error);
    });
    waited("had");
    traceWait(place, askedMs);
    let lost: Error | undefined;
    const onError = (error: Error): void => void (lost = error);
    client.on("error", onError); // unheard, a reset of a connection in use would end the process
    try {
      return await work({
        async run(text, values) {
          const sentMs = performance.now();
          const span = beginStatement(place, text);
          const queried = (outcome: "done" | "refused" | "conflict" | "unanswered"): void =>
            tell({ kind: "queried", outcome, durationMs: performance.now() - sentMs });
          try {
            const result = await client.query(text, values);
            span.ended();
            queried("done");
            return result;
          } catch (error) {
            span.failed(error);
            if (isRefusal(error)) {
              queried("refused");
              throw error;
            }
            if (isConflict(error)) {
              queried("conflict");
              throw new DatabaseConflict(error);
            }
            queried("unanswered");
            lost ??= new Error("left in an unknown state", { cause: error });
            throw new DatabaseUnavailable(error);
          }
        },
      });
    } finally {
      client.off("error", onError);
      client.release(lost);
    }
  };

  return {
    pool,
    query: (text, values) =>
      againAfterConflict(() => withClient((connection) => queryOn(connection)(text, values))),
    transaction: (work) =>
      againAfterConflict(() => withClient((connection) => inTransaction(connection, work))),
    listen(channel, onNotify, signal) {
      void listenUntil(signal, { url, channel, onNotify, log });
    },
    close: () => pool.end(),
  };
}

async function againAfterConflict<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DatabaseConflict)) throw error;
    return work();
  }
}

async function inTransaction<T>(connection: Connection, work: (query: Query) => Promise<T>): Promise<T> {
  await connection.run("begin");
  try {
    const result = await work(queryOn(connection));
    await connection.run("commit");
    return result;
  } catch (error) {
    const isGone = error instanceof DatabaseUnavailable && !(error instanceof DatabaseConflict);
    if (!isGone) await connection.run("rollback").catch(keepFirst);
    throw error;
  }
}

/** A roll-back that gets no answer needs none: the connection is thrown away, and the server rolls back. */
function keepFirst(): void {}

interface Connection {
  run(text: string, values?: unknown[]): Promise<pg.QueryResult>;
}

function queryOn(connection: Connection): Query {
  return async <R extends Row>(text: string, values: readonly unknown[] = []) =>
    (await connection.run(text, [...values])).rows as R[];
}

function isConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && conflicts.test(error.code ?? "");
}

/** What the server will say again: wrong SQL, broken rules, bad data, no such database. */
function isRefusal(error: unknown): error is pg.DatabaseError {
  return error instanceof pg.DatabaseError && !notNow.test(error.code ?? "");
}

interface Listener {
  readonly url: string;
  readonly channel: string;
  readonly onNotify: () => void;
  readonly log: Logger;
}

const reconnectAfterMs = 500;

async function listenUntil(signal: AbortSignal, { url, channel, onNotify, log }: Listener): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    });
    const { promise: over, resolve: finish } = Promise.withResolvers<void>();
    const onAbort = (): void => finish();
    client.on("error", () => finish());
    client.on("end", () => finish());
    client.on("notification", onNotify);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onNotify();
      await over;
    } catch (error) {
      log.warn({ err: error, channel }, "cannot listen for notifications");
    }
    signal.removeEventListener("abort", onAbort);
    await client.end().catch((error: unknown) => log.debug({ err: error }, "listener was already gone"));
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, reconnectAfterMs));
  }
}
