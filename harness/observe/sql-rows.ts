import { Client, types } from "pg";
import { messageOf } from "../base/errors.ts";
import type { Row } from "../record/row.ts";
import { toRow } from "./row-cells.ts";

const connectWithinMs = 5_000;
const answerWithinMs = 10_000;

/**
 * The rows of one query on PostgreSQL, in a transaction that may only read.
 * @param url `postgresql://user:password@host:port/database`
 * @throws {Error} when it does not answer, refuses the query, or the signal aborts; without the URL, which has a password
 */
export async function readSqlRows(url: string, sql: string, signal: AbortSignal): Promise<readonly Row[]> {
  signal.throwIfAborted();
  const client = new Client({
    connectionString: url,
    application_name: "squall",
    connectionTimeoutMillis: connectWithinMs,
    statement_timeout: answerWithinMs,
    query_timeout: answerWithinMs,
    options: "-c default_transaction_read_only=on",
    types: { getTypeParser },
  });
  const broken = Promise.withResolvers<never>();
  const abort = (): void => broken.reject(new Error("gave up waiting", { cause: signal.reason }));
  signal.addEventListener("abort", abort, { once: true });
  // Without a listener an error between queries ends the process.
  client.on("error", broken.reject);
  broken.promise.catch(() => undefined);
  try {
    return await Promise.race([query(), broken.promise]);
  } catch (error) {
    throw new Error(`PostgreSQL at ${client.host}:${client.port}: ${messageOf(error)}`, { cause: error });
  } finally {
    signal.removeEventListener("abort", abort);
    // With a query under way this breaks the connection off, else it says goodbye; there is nothing left to lose.
    client.end().catch(() => undefined);
  }

  async function query(): Promise<readonly Row[]> {
    await client.connect();
    // Extended mode takes one statement only, so that none can end the read-only transaction.
    const config = { text: sql, queryMode: "extended" as const };
    const { rows } = await client.query<Record<string, unknown>>(config);
    return rows.map(toRow);
  }
}

const exactTypes: readonly number[] = [types.builtins.INT8, types.builtins.NUMERIC];

/** Exact numbers that fit in a double come as numbers, also those that `pg` gives as text. */
function getTypeParser(oid: number, format?: "text" | "binary"): (value: never) => unknown {
  return exactTypes.includes(oid)
    ? toNumber
    : (types.getTypeParser(oid, format) as (value: never) => unknown);
}

function toNumber(text: string): number | string {
  const number = Number(text);
  const isExact = Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number);
  return isExact ? number : text;
}
