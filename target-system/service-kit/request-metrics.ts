import type { FastifyInstance } from "fastify";
import { Gauge, type Registry } from "prom-client";
import { measureLatency, traceExemplar } from "./latency.ts";

/** Rate, errors and duration of requests, by route: what has no route is `none`, so that no client can make up series. */
export function measureRequests(app: FastifyInstance, metrics: Registry): void {
  const observe = measureLatency(metrics, {
    name: "http_server_request_duration_seconds",
    help: "Duration of requests, in seconds, by status; aborted is one whose client left before it was answered.",
    labelNames: ["method", "route", "status"],
  });
  const inFlight = new Gauge({
    name: "http_server_requests_in_flight",
    help: "Requests under way.",
    registers: [metrics],
  });
  app.addHook("onRequest", (request, reply, done) => {
    const begunMs = performance.now();
    const exemplar = traceExemplar();
    inFlight.inc();
    // Also where nobody was left to answer, of which no hook is told.
    reply.raw.once("close", () => {
      inFlight.dec();
      const status = reply.raw.writableFinished ? reply.statusCode : "aborted";
      const route = request.routeOptions.url ?? "none";
      observe({ method: request.method, route, status }, performance.now() - begunMs, exemplar);
    });
    done();
  });
}
