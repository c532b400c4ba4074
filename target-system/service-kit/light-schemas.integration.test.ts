import { expect, it } from "vitest";
import { startTestApp } from "./app.fixture.ts";

it("a request is checked and its values are converted as Fastify does it, the first one as well", async () => {
  await using app = await startTestApp("none", (routes) => {
    routes.get(
      "/notes",
      { schema: { querystring: { type: "object", properties: { page: { type: "integer", default: 1 } } } } },
      async ({ query }) => ({ query }),
    );
    routes.post(
      "/words",
      { schema: { body: { type: "array", items: { type: "string" } } } },
      async ({ body }) => ({
        body,
      }),
    );
  });
  const get = async (path: string): Promise<unknown> => (await fetch(app.url + path)).json();
  expect(await get("/notes?page=two")).toEqual({
    error: "invalid-request",
    message: "querystring/page must be integer",
  });
  expect(await get("/notes?page=2")).toEqual({ query: { page: 2 } });
  expect(await get("/notes")).toEqual({ query: { page: 1 } });
  const post = async (body: string): Promise<unknown> => {
    const headers = { "content-type": "application/json" };
    return (await fetch(`${app.url}/words`, { method: "POST", headers, body })).json();
  };
  expect(await post('"one"')).toEqual({ body: ["one"] }); // what a body is as a whole can be converted, too
  expect(await post("[{}]")).toEqual({ error: "invalid-request", message: "body/0 must be string" });
});

it("a schema with a keyword that nobody knows is refused when it is described, and refuses each request", async () => {
  await using app = await startTestApp("none", (routes) => {
    routes.get("/notes", { schema: { querystring: { type: "object", propertys: {} } } }, async () => ({}));
    routes.get("/others", async () => ({}));
  });
  const statuses = await Promise.all(
    ["/notes", "/others", "/openapi.json"].map(async (path) => (await fetch(app.url + path)).status),
  );
  expect(statuses).toEqual([500, 200, 500]);
});
