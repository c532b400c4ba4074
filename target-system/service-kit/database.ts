import { createRequire } from "node:module";
import type * as Pg from "pg";
import type { ClientBase, Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import type { Patterns } from "./config.ts";

// Tracing hooks `require`, not `import`.
const pg = createRequire(import.meta.url)("pg") as typeof Pg;

export type Row = Readonly<Record<string, unknown>>;
export type Query = <R extends Row>(text: string, values?: readonly unknown[]) => Promise<R[]>;

/** A service's own database: a pool of connections, each through the proxy of its edge. */
export interface Database {
  /** For code that wants node-postgres itself; its `query` throws a connection away after any error. */
  readonly pool: Pool;
  readonly query: Query;
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** A connection of its own that tells of NOTIFY on a channel, for as long as the signal is not aborted; reconnects. */
  listen(channel: string, onNotify: () => void, signal: AbortSignal): void;
  close(): Promise<void>;
}

const queryTimeoutMs = 2_000;
const connectTimeoutMs = 1_500;

/**
 * With timeouts, a query that gets no answer rejects and its connection is thrown away, so that a database which swallows
 * everything is felt for seconds and not for ever. `query_timeout` is the driver's own; `statement_timeout` would need the
 * server to be heard.
 */
export function openDatabase(url: string, patterns: Patterns, log: Logger): Database {
  const timeouts =
    patterns === "none"
      ? {}
      : {
          connectionTimeoutMillis: connectTimeoutMs,
          query_timeout: queryTimeoutMs,
          lock_timeout: queryTimeoutMs,
        };
  const pool = new pg.Pool({
    connectionString: url,
    max: 12,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    ...timeouts,
  });
  // An idle connection that breaks is replaced by the pool; unheard, its error would end the process.
  pool.on("error", (error) => log.warn({ err: error }, "idle database connection lost"));

  const withClient = async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    const onError = (error: Error): void => void (broken = error);
    client.on("error", onError);
    try {
      return await work(client);
    } catch (error) {
      // Whatever the server itself did not answer leaves the connection in an unknown state.
      if (!(error instanceof pg.DatabaseError))
        broken ??= error instanceof Error ? error : new Error(String(error));
      throw error;
    } finally {
      client.off("error", onError);
      client.release(broken);
    }
  };
  const queryOn =
    (client: ClientBase): Query =>
    async <R extends Row>(text: string, values: readonly unknown[] = []) =>
      (await client.query(text, [...values])).rows as R[];

  return {
    pool,
    query: (text, values) => withClient((client) => queryOn(client)(text, values)),
    transaction: (work) =>
      withClient(async (client) => {
        await client.query("begin");
        try {
          const result = await work(queryOn(client));
          await client.query("commit");
          return result;
        } catch (error) {
          if (error instanceof pg.DatabaseError || !isConnectionError(error)) await client.query("rollback");
          throw error;
        }
      }),
    listen(channel, onNotify, signal) {
      void listenForever(url, channel, onNotify, signal, log);
    },
    close: () => pool.end(),
  };
}

function isConnectionError(error: unknown): boolean {
  return error instanceof Error && /timeout|terminated|ECONN|closed|socket/i.test(error.message);
}

async function listenForever(
  url: string,
  channel: string,
  onNotify: () => void,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      keepAlive: true,
    });
    const { promise: over, resolve: finish } = Promise.withResolvers<void>();
    client.on("error", () => finish());
    client.on("end", () => finish());
    client.on("notification", onNotify);
    signal.addEventListener("abort", () => finish(), { once: true });
    try {
      await client.connect();
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      onNotify();
      await over;
    } catch (error) {
      log.warn({ err: error }, "cannot listen for notifications");
    }
    await client.end().catch((error: unknown) => log.debug({ err: error }, "listener was already gone"));
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
