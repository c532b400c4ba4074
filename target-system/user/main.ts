import { z } from "zod";
import type { Database } from "../service-kit/database.ts";
import { idempotencyKeys } from "../service-kit/patterns/idempotency.ts";
import { pause } from "../service-kit/pause.ts";
import { startService, type ServiceContext } from "../service-kit/service.ts";
import { accountRoutes } from "./account-routes.ts";
import { forgottenAfterSeconds } from "./guesses.ts";
import { Keyring } from "./keyring.ts";
import { profileRoutes } from "./profile-routes.ts";
import { migrations, seed } from "./schema.ts";

const seconds = z.coerce.number().positive();
const { ACCESS_TOKEN_SECONDS: tokenSeconds, SIGNING_KEY_SECONDS: keySeconds } = z
  .object({
    ACCESS_TOKEN_SECONDS: seconds.int().default(15 * 60),
    SIGNING_KEY_SECONDS: seconds.default(24 * 60 * 60),
  })
  .parse(process.env);

/** How far the clocks of those who verify may be behind. */
const clockSkewMs = 60_000;
const keyPolicy = {
  signsForMs: keySeconds * 1_000,
  publishedAheadMs: Math.min(60 * 60, keySeconds / 4) * 1_000,
  keptForMs: tokenSeconds * 1_000 + clockSkewMs,
};

let keyring: Keyring;

/** Accounts, and who someone is. */
await startService({
  name: "user",
  migrations: [...migrations, idempotencyKeys],
  seed,
  callees: [],
  routes(app, { database, idempotency, log }) {
    keyring = new Keyring(database, keyPolicy);
    accountRoutes(app, { database, idempotency, keyring, tokenSeconds, log });
    profileRoutes(app, database);
  },
  background(service) {
    void keyring.keepFresh(service.log, service.signal);
    void forgetTheOld(service);
  },
});

const forgetEveryMs = 10 * 60_000;

/** Deletes sessions and wrong guesses that no longer mean anything. */
async function forgetTheOld({ database, log, signal }: ServiceContext): Promise<void> {
  while (!signal.aborted) {
    await deleteOld(database).catch((error: unknown) =>
      log.warn({ err: error }, "old rows were not deleted"),
    );
    await pause(forgetEveryMs, signal);
  }
}

async function deleteOld({ query }: Database): Promise<void> {
  await query("delete from sessions where expires_at < now()");
  await query("delete from guesses where failed_at < now() - $1 * interval '1 second'", [
    forgottenAfterSeconds,
  ]);
}
