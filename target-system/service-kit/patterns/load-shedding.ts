import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Tell } from "./pattern-event.ts";

/**
 * Answers 503 at once to what comes on top of a bounded number of requests under way, so that those under way stay quick: a
 * queue that only grows makes every answer late. Whoever was refused is told when to come again. Health and metrics are
 * never refused: a service must not be taken for dead because it is busy.
 *
 * A request is under way until its handler has answered, also when its caller has gone: what was given up is load too.
 */
export interface SheddingOptions {
  /** @default 256 */
  readonly maxInFlight?: number | undefined;
  /** Routes that are always let in. */
  readonly unshed: ReadonlySet<string>;
  readonly tell: Tell;
}

const retryAfterSeconds = 1;

export function shedLoad(app: FastifyInstance, { maxInFlight = 256, unshed, tell }: SheddingOptions): void {
  const admitted = new WeakSet<FastifyRequest>();
  let inFlight = 0;
  const leave = (request: FastifyRequest): void => {
    if (admitted.delete(request)) inFlight -= 1;
  };

  app.addHook("onRequest", (request, reply, done) => {
    const route = request.routeOptions.url ?? "none";
    if (unshed.has(route)) return done();
    if (inFlight >= maxInFlight) {
      tell({ kind: "shed", route });
      void reply
        .code(503)
        .header("retry-after", retryAfterSeconds)
        .send({ error: "overloaded", message: "too much to do; come again later" });
      return;
    }
    inFlight += 1;
    admitted.add(request);
    done();
  });
  app.addHook("onSend", (request, _reply, payload, done) => {
    leave(request);
    done(null, payload);
  });
}
