import fastify, { type FastifyInstance } from "fastify";
import { lightSchemas } from "../service-kit/light-schemas.ts";
import { logCrashes, logLine } from "./outside-log.ts";
import { Refusal } from "./refusal.ts";

/**
 * The world outside the fleet, simulated: plain HTTP servers that know nothing of the fleet's kit (but how light schemas
 * can be), tracing or faults, and keep their own record of what they were asked. Errors are `{error, message}`.
 */
export function outsideServer(): FastifyInstance {
  const server = fastify(lightSchemas);
  server.get("/ready", async () => ({ ready: true }));
  server.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => {
    if (error instanceof Refusal)
      return reply.code(error.status).send({ error: error.code, message: error.message });
    const status = error.statusCode ?? 500;
    if (status >= 500) logLine("error", "internal", error);
    return reply
      .code(status)
      .send({ error: status < 500 ? "bad-request" : "internal", message: error.message });
  });
  return server;
}

/** Where to listen, as with the fleet's own services. */
export const listenHost = process.env["HOST"] ?? "127.0.0.1";

/** Listens on the port in the environment variable PORT until SIGTERM or SIGINT, then answers what is in flight and ends. */
export async function serveOutside(server: FastifyInstance, stop?: () => Promise<void>): Promise<void> {
  logCrashes();
  const end = (): void => void Promise.all([server.close(), stop?.()]).then(() => process.exit(0));
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
  await server.listen({ host: listenHost, port: portFromEnvironment("PORT") });
}

/** @throws {Error} when the variable does not hold a port number */
export function portFromEnvironment(name: string): number {
  return numberFromEnvironment(name, { most: 65_535, isWhole: true });
}

/** @throws {Error} when the variable holds no number from 0 to `most`, or nothing and there is no default */
export function numberFromEnvironment(
  name: string,
  {
    most,
    isWhole = false,
    otherwise,
  }: { readonly most: number; readonly isWhole?: boolean; readonly otherwise?: number },
): number {
  const text = process.env[name];
  if (text === undefined && otherwise !== undefined) return otherwise;
  const number = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  if (!(number >= 0 && number <= most) || (isWhole && !Number.isInteger(number)))
    throw new Error(`${name}: expected a number from 0 to ${most}, got ${text ?? "nothing"}`);
  return number;
}
