import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";

/**
 * A server lets its callers go without failing any request. Closing a connection on which a request is just coming would
 * fail that request, and the server cannot know of it; the caller can. So it is the caller who leaves:
 *
 *   begin ─→ each answer says `connection: close` ─→ the connections that are used end one by one
 *         ─→ those that nobody has used for so long are closed
 *
 * New connections are still served until there is none: a load balancer needs a moment to see that it is not ready.
 */
export interface Drain {
  /** Resolves when there is no connection left, those that are left have not been used for a while, or it took too long. */
  begin(): Promise<void>;
}

/** Longer than a load balancer takes to see it, and than callers of this kit keep a connection. */
const unusedWithinMs = 1_500;
/** Who is asked without end by new connections ends with them refused, and has time left to end well. */
const longestMs = 2_000;
const pollMs = 10;

/** Call it before the routes are added: they get its hook. */
export function createDrain(app: FastifyInstance): Drain {
  let isDraining = false;
  let lastUsedMs = 0;
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (isDraining) {
      lastUsedMs = performance.now();
      reply.header("connection", "close");
    }
    done();
  });
  return {
    async begin() {
      isDraining = true;
      const begunMs = performance.now();
      lastUsedMs = begunMs;
      while (
        performance.now() - lastUsedMs < unusedWithinMs &&
        performance.now() - begunMs < longestMs &&
        (await connectionsOf(app)) > 0
      )
        await sleep(pollMs);
    },
  };
}

function connectionsOf({ server }: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
