import { afterAll, beforeAll, expect, it } from "vitest";
import type { FastifyInstance } from "fastify";
import { startTestApp, type TestApp } from "../app.fixture.ts";
import { CallFailed, createCallee } from "../callee.ts";
import type { PatternEvent } from "../patterns/pattern-event.ts";
import { parsePatterns } from "../patterns/patterns.ts";
import { requireUser, userOf } from "./callers.ts";
import { openIdentity } from "./identity.ts";
import { proofOf, testIdentityDir } from "./identity.fixture.ts";
import { TokenVerifier } from "./token-verifier.ts";

let payment: TestApp;
beforeAll(async () => {
  payment = await startTestApp(
    "full",
    (app) => {
      app.get("/whoami", { config: { callers: ["order", "gateway"] } }, async ({ caller }) => ({
        ...caller,
      }));
      app.get("/mine", { config: { callers: ["gateway"] } }, async (request) => ({
        userId: userOf(request),
      }));
      app.get<{ Params: { id: string } }>(
        "/users/:id",
        { config: { callers: ["gateway"] } },
        async (request) => {
          requireUser(request, request.params.id);
          return {};
        },
      );
      app.get("/open", { config: { public: true } }, async (request) => ({ caller: request.caller ?? null }));
      app.get("/closed", { config: { callers: [] } }, async () => ({}));
    },
    { verifier: new TokenVerifier(testIdentityDir, "payment") },
  );
});
afterAll(() => payment[Symbol.asyncDispose]());

async function get(path: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(payment.url + path, { headers });
  const challenge = answer.headers.get("www-authenticate");
  return { status: answer.status, challenge, body: (await answer.json()) as Record<string, unknown> };
}

it("a route learns who calls, and for whom", async () => {
  expect((await get("/whoami", await proofOf("order", "payment"))).body).toEqual({ name: "order" });
  expect((await get("/whoami", await proofOf("gateway", "payment", "user-1"))).body).toEqual({
    name: "gateway",
    userId: "user-1",
  });
});

it("without a good token nobody is let in, and is told no more than that", async () => {
  const refusal = {
    status: 401,
    challenge: 'Bearer realm="services"',
    body: { error: "caller-not-proved", message: "expected a valid token of a service" },
  };
  expect(await get("/whoami")).toEqual(refusal);
  expect(await get("/whoami", { "x-user-id": "user-1" })).toEqual(refusal);
  expect(await get("/whoami", { authorization: "Basic b3JkZXI6" })).toEqual(refusal);
  expect(await get("/whoami", { authorization: "Bearer nonsense" })).toEqual(refusal);
  expect(await get("/whoami", await proofOf("order", "catalog"))).toEqual(refusal);
});

it("a route lets in the callers that it names, and nobody where it names none", async () => {
  const denied = { status: 403, body: { error: "caller-not-allowed" } };
  expect(await get("/mine", await proofOf("order", "payment", "user-1"))).toMatchObject(denied);
  expect(await get("/closed", await proofOf("order", "payment"))).toMatchObject(denied);
  expect(await get("/open")).toMatchObject({ status: 200, body: { caller: null } });
  expect((await get("/live")).status).toBe(200);
  expect((await get("/nowhere")).status).toBe(404);
});

it("a route for a user refuses a call for nobody, and one for another user", async () => {
  expect(await get("/mine", await proofOf("gateway", "payment"))).toMatchObject({
    status: 403,
    body: { error: "no-user" },
  });
  expect(await get("/users/user-1", await proofOf("gateway", "payment", "user-2"))).toMatchObject({
    status: 403,
    body: { error: "other-user" },
  });
  expect((await get("/users/user-1", await proofOf("gateway", "payment", "user-1"))).status).toBe(200);
});

it("refused callers are counted by route and reason", async () => {
  const count = () => payment.metric('http_server_callers_refused_total{route="/closed",reason="no-token"');
  const before = (await count()) ?? 0;
  await get("/closed");
  expect(await count()).toBe(before + 1);
});

it("a server with a route that does not say who may call it does not start, and names each", async () => {
  const start = (routes: (app: FastifyInstance) => void): Promise<TestApp> =>
    startTestApp("full", routes, { verifier: new TokenVerifier(testIdentityDir, "payment") });
  await expect(
    start((app) => {
      app.post("/forgotten", async () => ({}));
      app.get("/both", { config: { public: true, callers: ["order"] } }, async () => ({}));
      app.get("/fine", { config: { callers: ["order"] } }, async () => ({}));
    }),
  ).rejects.toThrow(/^who may call POST \/forgotten, GET \/both, HEAD \/both\? expected config/);
});

it("a callee is told who calls and for whom; its refusal of the caller is no answer, and not asked for again", async () => {
  const { signer } = await openIdentity(testIdentityDir, "order", 3_600);
  const events: PatternEvent[] = [];
  const callee = createCallee(
    "payment",
    payment.url,
    parsePatterns("full"),
    (event) => events.push(event),
    (userId) => signer.tokenFor("payment", userId),
  );
  expect(await callee.call({ method: "GET", path: "/whoami", onBehalfOf: "user-3" })).toMatchObject({
    status: 200,
    body: { name: "order", userId: "user-3" },
  });
  const failure = await callee.call({ method: "GET", path: "/mine" }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(CallFailed);
  expect(failure).toMatchObject({ reason: "denied", mayHaveHappened: false });
  expect(events.filter(({ kind }) => kind === "retry")).toEqual([]);
  await callee.close();
});

it("a callee of the outside world is told nothing", async () => {
  const outside = createCallee("gateway-a", payment.url, parsePatterns("full"));
  expect(await outside.call({ method: "GET", path: "/whoami" })).toMatchObject({ status: 401 });
  await outside.close();
});
