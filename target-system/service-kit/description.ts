import { fastify, type FastifyInstance, type RouteOptions } from "fastify";

/**
 * What a service says of itself: an OpenAPI document made of the schemas that its routes check, and a page that shows it.
 *
 *   GET /openapi.json    GET /docs
 *
 * Both are the work of a server within, made when somebody first asks: a fleet that nobody reads up on pays nothing.
 */
export function describeRoutes(app: FastifyInstance, name: string): void {
  const routes: RouteOptions[] = [];
  let describing: Promise<FastifyInstance> | undefined;
  app.addHook("onRoute", (route) => {
    if (route.method !== "HEAD" && !isOwn(route.url)) routes.push(route);
  });
  for (const url of ["/openapi.json", "/docs", "/docs/*"])
    app.get(url, { config: { public: true } }, async (request, reply) => {
      describing ??= startDescription(name, routes);
      const description = await describing;
      reply.hijack();
      description.routing(request.raw, reply.raw);
    });
}

function isOwn(url: string): boolean {
  return url === "/openapi.json" || url.startsWith("/docs");
}

async function startDescription(name: string, routes: readonly RouteOptions[]): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import("@fastify/swagger"),
    import("@fastify/swagger-ui"),
  ]);
  const description = fastify();
  await description.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: name, version: "1" },
      // So that the page can try also what asks who calls.
      components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
      security: [{ bearer: [] }, {}],
    },
  });
  await description.register(swaggerUi, { routePrefix: "/docs", logLevel: "silent", theme: { title: name } });
  await description.register(async (described) => {
    for (const { method, url, schema } of routes)
      described.route({ method, url, ...(schema && { schema }), handler: () => undefined });
  });
  description.get("/openapi.json", { schema: { hide: true } }, () => description.swagger());
  await description.ready();
  return description;
}
