import type { FastifyRequest } from "fastify";
import { openRoutes } from "../service-kit/identity/callers.ts";
import { startService } from "../service-kit/service.ts";
import { accountRoutes } from "./account-routes.ts";
import { schema as basketSchema } from "./baskets.ts";
import { cardRoutes } from "./card-routes.ts";
import { limitRates, readRateLimits, secureAnswers } from "./edge.ts";
import { orderRoutes } from "./order-routes.ts";
import { createSessions, schema as verificationKeysSchema, type Sessions } from "./sessions.ts";
import { shelfRoutes } from "./shelf-routes.ts";
import { storefront } from "./storefront.ts";

/** How long a client is kept waiting, whatever it asks for: longer than a checkout, and a basket to be emptied. */
const requestDeadlineMs = 7_000;
/** A basket of 100 kinds of products is 10 KiB. */
const maxBodyBytes = 64 * 1_024;
const receiveWithinMs = 10_000;

const rateLimits = readRateLimits(process.env);

let sessions: Sessions;

/** The edge of the shop: who is asking, how much they may ask, everything that may be asked, and the page to ask it from. */
await startService({
  name: "gateway",
  migrations: [
    { id: "001-baskets", sql: basketSchema },
    { id: "002-verification-keys", sql: verificationKeysSchema },
  ],
  callees: ["catalog", "user", "order", "payment", "recommendation"],
  requestDeadlineMs,
  maxBodyBytes,
  receiveWithinMs,
  async routes(app, { callee, database, fallback, log, metrics }) {
    const [catalog, user, order] = [callee("catalog"), callee("user"), callee("order")];
    const [payment, recommendation] = [callee("payment"), callee("recommendation")];
    sessions = createSessions(user, database, log);

    const users = new WeakMap<FastifyRequest, Promise<string>>();
    /** Asked by the rate limit and by routes; a signature is verified once. */
    const userOf = (request: FastifyRequest): Promise<string> => {
      const known = users.get(request) ?? sessions.userOf(request.headers.authorization);
      users.set(request, known);
      return known;
    };

    openRoutes(app);
    secureAnswers(app);
    await limitRates(app, rateLimits, userOf, metrics);
    storefront(app);
    accountRoutes(app, user, userOf);
    shelfRoutes(app, { catalog, recommendation, user, userOf, fallback });
    orderRoutes(app, { order, database, userOf, log });
    cardRoutes(app, payment, userOf);
  },
  background() {
    // Not waited for: a gateway is of use before its first token comes.
    void sessions.prepare();
  },
});
