import type { Protocol } from "../call-fault.ts";
import { PostgresSession } from "./postgres-session.ts";
import { statementMatcher } from "./statement-match.ts";

/** PostgreSQL's protocol: a call is one simple query, or one execution of the extended protocol. */
export const postgres: Protocol = {
  name: "postgres",
  matcher: statementMatcher,
  openSession: (context) => new PostgresSession(context),
};
