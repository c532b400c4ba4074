import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Callee } from "../service-kit/callee.ts";
import type { CallPath } from "../service-kit/call-path.ts";
import { pass } from "./pass.ts";

const credentials = {
  email: { type: "string", maxLength: 200 },
  password: { type: "string", maxLength: 200 },
};
const logInBody = { type: "object", required: ["email", "password"], properties: credentials };
const refreshBody = {
  type: "object",
  required: ["refreshToken"],
  properties: { refreshToken: { type: "string", maxLength: 200 } },
};

/** Accounts: the edge passes them on; what is allowed in which field is the user service's to say. */
export function accountRoutes(
  app: FastifyInstance,
  user: Callee,
  userOf: (request: FastifyRequest) => Promise<string>,
): void {
  app.post<{ Headers: { "idempotency-key"?: string } }>(
    "/api/register",
    { schema: { body: logInBody } },
    async ({ body, headers: { "idempotency-key": key } }, reply) => {
      const headers = key === undefined ? {} : { "idempotency-key": key };
      return pass(
        reply,
        await user.call({ method: "POST", path: "/users", body, headers, isIdempotent: key !== undefined }),
      );
    },
  );
  app.post("/api/login", { schema: { body: logInBody } }, async ({ body, ip }, reply) =>
    pass(
      reply,
      await user.call({
        method: "POST",
        path: "/sessions",
        // Not what the client says of itself: guesses are counted by it.
        headers: { "x-forwarded-for": ip },
        body,
        isIdempotent: true,
      }),
    ),
  );
  // Never tried again: a second use of the same token ends the session.
  app.post("/api/refresh", { schema: { body: refreshBody } }, async ({ body }, reply) =>
    pass(reply, await user.call({ method: "POST", path: "/sessions/refresh", body, isIdempotent: false })),
  );
  app.post("/api/logout", { schema: { body: refreshBody } }, async ({ body }, reply) =>
    pass(reply, await user.call({ method: "POST", path: "/sessions/end", body, isIdempotent: true })),
  );
  app.get("/api/profile", async (request, reply) => {
    const onBehalfOf = await userOf(request);
    return pass(reply, await user.call({ method: "GET", ...profileOf(onBehalfOf), onBehalfOf }));
  });
  app.patch("/api/profile", { schema: { body: { type: "object" } } }, async (request, reply) => {
    const onBehalfOf = await userOf(request);
    const change = { method: "PATCH", ...profileOf(onBehalfOf), body: request.body } as const;
    return pass(reply, await user.call({ ...change, isIdempotent: true, onBehalfOf }));
  });
}

function profileOf(userId: string): CallPath {
  return { path: "/users/:id/profile", params: { id: userId } };
}
