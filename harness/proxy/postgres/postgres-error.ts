import { message, texts } from "./message-reader.ts";

/** An error as PostgreSQL reports it. */
export interface PostgresError {
  /** After a `FATAL` one the server closes the connection. */
  readonly severity: "ERROR" | "FATAL";
  /** SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html */
  readonly code: string;
  readonly message: string;
}

/** @param text @default what PostgreSQL says with that code */
export function postgresError(code: string, text?: string): PostgresError {
  return {
    severity: isFatal(code) ? "FATAL" : "ERROR",
    code,
    message: text ?? messages[code] ?? "internal error",
  };
}

export function errorResponse({ severity, code, message: text }: PostgresError): Buffer {
  return message("E", texts(`S${severity}`, `V${severity}`, `C${code}`, `M${text}`, ""));
}

const fatalCodes = ["53300", "57P01", "57P02", "57P03"];

function isFatal(code: string): boolean {
  return code.startsWith("08") || fatalCodes.includes(code);
}

const messages: Readonly<Record<string, string>> = {
  "08000": "connection exception",
  "08003": "connection does not exist",
  "08006": "connection failure",
  "23503": "insert or update on table violates foreign key constraint",
  "23505": "duplicate key value violates unique constraint",
  "25006": "cannot execute statement in a read-only transaction",
  "40001": "could not serialize access due to concurrent update",
  "40P01": "deadlock detected",
  "53100": "could not extend file: No space left on device",
  "53200": "out of memory",
  "53300": "sorry, too many clients already",
  "55P03": "canceling statement due to lock timeout",
  "57014": "canceling statement due to statement timeout",
  "57P01": "terminating connection due to administrator command",
  "57P02": "terminating connection because of crash of another server process",
  "57P03": "the database system is starting up",
};
