import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Database, Query } from "../service-kit/database.ts";
import { HttpError } from "../service-kit/http-error.ts";
import type { Idempotency, KeyedAnswer } from "../service-kit/patterns/idempotency.ts";
import { authenticate, register, type Credentials, type Registration } from "./accounts.ts";
import type { Keyring } from "./keyring.ts";
import { name, phone } from "./profile-routes.ts";
import { hashPassword } from "./password.ts";
import { endSession, openSession, refreshSession, sessionSeconds } from "./sessions.ts";
import { issueToken } from "./tokens.ts";

const credentials = {
  email: { type: "string", minLength: 3, maxLength: 200, pattern: "^[^@\\s\\u0000]+@[^@\\s\\u0000]+$" },
  password: { type: "string", minLength: 8, maxLength: 200 },
};
const config = { callers: ["gateway"] } as const;
const refreshBody = {
  type: "object",
  required: ["refreshToken"],
  properties: { refreshToken: { type: "string", maxLength: 200 } },
};

export interface AccountOptions {
  readonly database: Database;
  readonly idempotency: Idempotency;
  readonly keyring: Keyring;
  readonly tokenSeconds: number;
  readonly log: Logger;
}

/** Registration, log-in and out, and the keys that verify tokens. */
export function accountRoutes(
  app: FastifyInstance,
  { database, idempotency, keyring, tokenSeconds, log }: AccountOptions,
): void {
  const tokensOf = async (userId: string, refreshToken: string) => ({
    userId,
    accessToken: await issueToken(keyring, userId, tokenSeconds),
    expiresInSeconds: tokenSeconds,
    refreshToken,
    refreshExpiresInSeconds: sessionSeconds,
  });

  app.post<{ Body: Registration; Headers: { "idempotency-key"?: string } }>(
    "/users",
    {
      config,
      schema: {
        body: {
          type: "object",
          required: ["email", "password", "name"],
          properties: { ...credentials, name, phone },
        },
      },
    },
    async ({ body, headers }, reply) => {
      const { email, name, phone = null } = body;
      const passwordHash = await hashPassword(body.password); // before a connection is held
      const work = async (query: Query): Promise<KeyedAnswer> => ({
        status: 201,
        body: { userId: await register(query, { ...body, passwordHash }) },
      });
      const key = headers["idempotency-key"];
      const answer = await (key === undefined
        ? work(database.query)
        : idempotency.once({ operation: "POST /users", key, content: { email, name, phone } }, work));
      return reply.code(answer.status).send(answer.body);
    },
  );
  app.post<{ Body: Credentials }>(
    "/sessions",
    {
      config,
      schema: { body: { type: "object", required: ["email", "password"], properties: credentials } },
    },
    async (request, reply) => {
      const userId = await authenticate(database, request.body, clientAddressOf(request));
      return reply.code(201).send(await tokensOf(userId, await openSession(database.query, userId)));
    },
  );
  app.post<{ Body: { refreshToken: string } }>(
    "/sessions/refresh",
    { config, schema: { body: refreshBody } },
    async ({ body }) => {
      const refreshed = await refreshSession(database.query, body.refreshToken);
      if (refreshed === "reused") log.warn("an old refresh token came back; its session was ended");
      if (refreshed === "reused" || refreshed === "unknown")
        throw new HttpError(401, "session-over", "log in again");
      return tokensOf(refreshed.userId, refreshed.refreshToken);
    },
  );
  app.post<{ Body: { refreshToken: string } }>(
    "/sessions/end",
    { config, schema: { body: refreshBody } },
    async ({ body }, reply) => {
      await endSession(database.query, body.refreshToken);
      return reply.code(204).send();
    },
  );
  app.get("/.well-known/jwks.json", { config }, async () => ({ keys: await keyring.published() }));
}

/** The gateway is the only caller that knows the client, and tells its address last. */
function clientAddressOf({ headers, ip }: FastifyRequest): string {
  const forwarded = headers["x-forwarded-for"];
  const last = (Array.isArray(forwarded) ? forwarded.at(-1) : forwarded)?.split(",").at(-1)?.trim();
  return last === undefined || last === "" ? ip : last;
}
