import { postgresFault } from "./call-fault-kind.ts";
import type { FaultOf } from "./fault-kind.ts";

/** The server is not asked; the caller is answered with an error. */
export const pgError = postgresFault<FaultOf<"pg-error">>(
  "pg_error",
  ({ code }, statements) => `error ${code} instead of ${statements}`,
  ({ code, message }) => ({ code, message }),
);
