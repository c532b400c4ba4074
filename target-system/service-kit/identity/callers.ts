import type { FastifyInstance, FastifyRequest, RouteOptions } from "fastify";
import type { Logger } from "pino";
import { Counter, type Registry } from "prom-client";
import { HttpError } from "../http-error.ts";
import { challenge } from "./service-token.ts";
import { TokenRefused, type Caller, type TokenVerifier } from "./token-verifier.ts";

/**
 * Who may call a route. Every route says so, or the service does not start:
 *
 *   { config: { callers: ["gateway", "order"] } }   these services, as their tokens prove
 *   { config: { public: true } }                    anybody
 */
declare module "fastify" {
  interface FastifyContextConfig {
    readonly callers?: readonly string[];
    readonly public?: true;
  }
  interface FastifyRequest {
    /** Who calls, as proved; undefined on a public route. */
    caller: Caller | undefined;
  }
}

/**
 * The user on whose behalf a service calls, as it has signed.
 * @throws {HttpError} 403 when it calls on nobody's behalf
 */
export function userOf({ caller }: FastifyRequest): string {
  if (caller?.userId === undefined) throw denied("no-user", "expected a call on behalf of a user");
  return caller.userId;
}

/**
 * For what is one user's own.
 * @throws {HttpError} 403 unless a service calls on behalf of this very user
 */
export function requireUser(request: FastifyRequest, userId: string): void {
  if (userOf(request) !== userId)
    throw denied("other-user", "this is not for the user on whose behalf it was asked");
}

function denied(code: string, message: string): HttpError {
  return new HttpError(403, code, message, { headers: { "www-authenticate": challenge } });
}

/** Lets anybody call the routes that follow: for the edge of the shop, which asks its users, not services, who they are. */
export function openRoutes(app: FastifyInstance): void {
  app.addHook("onRoute", (route) => {
    route.config = { public: true, ...route.config };
  });
}

export interface CallerOptions {
  readonly verifier: Pick<TokenVerifier, "known" | "verify">;
  readonly metrics: Registry;
  readonly log: Logger;
}

/** Lets in the callers that a route names, and nobody else. */
export function allowCallers(app: FastifyInstance, { verifier, metrics, log }: CallerOptions): void {
  const refused = new Counter({
    name: "http_server_callers_refused_total",
    help: "Calls refused since it was not proved, or not allowed, who called.",
    labelNames: ["route", "reason"] as const,
    registers: [metrics],
  });
  const refusal = (request: FastifyRequest, status: 401 | 403, reason: string): HttpError => {
    const route = request.routeOptions.url ?? "none";
    refused.inc({ route, reason });
    log.warn({ route, reason, caller: request.caller?.name }, "a caller was refused");
    return status === 401
      ? new HttpError(401, "caller-not-proved", "expected a valid token of a service", {
          headers: { "www-authenticate": challenge },
        })
      : denied("caller-not-allowed", "this route is not for the service that called it");
  };

  requireDeclaredCallers(app);
  app.decorateRequest("caller", undefined);
  app.addHook("onRequest", async (request) => {
    const { callers } = request.routeOptions.config;
    if (callers === undefined) return; // public, or no route at all
    const token = /^Bearer (?<token>\S+)$/i.exec(request.headers.authorization ?? "")?.groups?.["token"];
    if (token === undefined) throw refusal(request, 401, "no-token");
    try {
      request.caller = verifier.known(token) ?? (await verifier.verify(token));
    } catch (error) {
      if (error instanceof TokenRefused) throw refusal(request, 401, error.reason);
      throw error;
    }
    if (!callers.includes(request.caller.name)) throw refusal(request, 403, "not-allowed");
  });
}

/** @throws {Error} as the server gets ready, naming every route that does not say who may call it */
function requireDeclaredCallers(app: FastifyInstance): void {
  const routes: RouteOptions[] = [];
  app.addHook("onRoute", (route) => void routes.push(route));
  app.addHook("onReady", async () => {
    const undeclared = routes.filter(
      ({ config }) => (config?.callers === undefined) === (config?.public !== true),
    );
    if (undeclared.length === 0) return;
    const names = undeclared.map(({ method, url }) => `${String(method)} ${url}`).join(", ");
    throw new Error(
      `who may call ${names}? expected config: { callers: [...] } or { public: true }, and not both`,
    );
  });
}
