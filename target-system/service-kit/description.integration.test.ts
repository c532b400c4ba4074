import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApp, type TestApp } from "./app.fixture.ts";

let app: TestApp;
beforeAll(async () => {
  app = await startTestApp("full", (routes) => {
    routes.get("/notes/:id", async () => ({}));
    routes.post(
      "/notes",
      {
        schema: {
          summary: "Keeps a note",
          headers: { type: "object", properties: { "idempotency-key": { type: "string", maxLength: 500 } } },
          body: {
            type: "object",
            required: ["text"],
            properties: { text: { type: "string", maxLength: 80 } },
          },
        },
      },
      async (_request, reply) => reply.code(201).send({}),
    );
  });
});
afterAll(() => app[Symbol.asyncDispose]());

test("a service's document is valid OpenAPI and has each of its routes, with the schema that they check", async () => {
  const response = await fetch(`${app.url}/openapi.json`);
  expect(response.headers.get("content-type")).toContain("application/json");
  const document = (await response.json()) as Record<string, unknown> & { paths: object };
  expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true });
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { title: "test" },
    paths: {
      "/notes/{id}": { get: { parameters: [{ in: "path", name: "id" }] } },
      "/notes": {
        post: {
          summary: "Keeps a note",
          parameters: [{ in: "header", name: "idempotency-key" }],
          requestBody: {
            content: { "application/json": { schema: { required: ["text"] } } },
          },
        },
      },
    },
  });
  expect(Object.keys(document.paths).toSorted()).toEqual([
    "/live",
    "/metrics",
    "/notes",
    "/notes/{id}",
    "/ready",
  ]);
});

test("the page shows that document, and everything it loads is there", async () => {
  const page = await fetch(`${app.url}/docs`);
  expect(page.status).toBe(200);
  const html = await page.text();
  const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, path]) => new URL(path ?? "", page.url),
  );
  expect(loaded.length).toBeGreaterThan(3);
  for (const { href } of loaded) expect((await fetch(href)).status, href).toBe(200);
  const setUp = await (await fetch(`${app.url}/docs/static/swagger-initializer.js`)).text();
  expect(setUp).toContain("./json");
  expect(await (await fetch(`${app.url}/docs/json`)).json()).toEqual(
    await (await fetch(`${app.url}/openapi.json`)).json(),
  );
});
