import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { PatternEvent } from "./patterns/pattern-event.ts";
import { tellMetrics } from "./patterns/pattern-metrics.ts";
import { parsePatterns } from "./patterns/patterns.ts";
import { openRoutes } from "./identity/callers.ts";
import { testIdentityDir } from "./identity/identity.fixture.ts";
import { TokenVerifier } from "./identity/token-verifier.ts";
import { createServer, type ServerOptions } from "./server.ts";

/** A service's server in this process, without a database. */
export interface TestApp extends AsyncDisposable {
  readonly url: string;
  /** What its patterns told, oldest first. */
  readonly events: readonly PatternEvent[];
  /** The value of the first sample whose line starts so; undefined when there is none. */
  metric(start: string): Promise<number | undefined>;
}

/** @param options with a verifier, each route says who may call it; without one, anybody may */
export async function startTestApp(
  patterns: string,
  routes: (app: FastifyInstance) => void,
  {
    verifier,
    ...options
  }: Partial<Pick<ServerOptions, "maxInFlight" | "requestDeadlineMs" | "verifier">> = {},
): Promise<TestApp> {
  const metrics = new Registry();
  const events: PatternEvent[] = [];
  const count = tellMetrics(metrics);
  const app = createServer({
    name: "test",
    log: pino({ level: "silent" }),
    metrics,
    isReady: async () => true,
    verifier: verifier ?? new TokenVerifier(testIdentityDir, "test"),
    patterns: parsePatterns(patterns),
    tell: (event) => {
      events.push(event);
      count(event);
    },
    ...options,
  });
  if (verifier === undefined) openRoutes(app);
  routes(app);
  await app.listen({ port: 0, host: "127.0.0.1" });
  return {
    url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`,
    events,
    async metric(start) {
      const line = (await metrics.metrics()).split("\n").find((text) => text.startsWith(start));
      return line === undefined ? undefined : Number(line.slice(line.lastIndexOf(" ")));
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}
