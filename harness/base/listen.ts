import type { Server } from "node:net";
import { formatAddress, type Address } from "./address.ts";
import { SquallError, messageOf, systemErrorCode } from "./errors.ts";

/**
 * Has a server listen.
 * @returns where it does, with the port that it was given for port 0
 * @throws {SQUALL_PORT_IN_USE} when the port is taken
 * @throws {SQUALL_USAGE} when the address is not one to listen on, with what the system says
 */
export async function listen(server: Server, { host, port }: Address): Promise<Address> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
  } catch (cause) {
    const where = formatAddress({ host, port });
    if (systemErrorCode(cause) === "EADDRINUSE")
      throw new SquallError("SQUALL_PORT_IN_USE", `${where} is taken by another program`, { cause });
    throw new SquallError("SQUALL_USAGE", `cannot listen on ${where}: ${messageOf(cause)}`, { cause });
  }
  const bound = server.address();
  return { host, port: typeof bound === "object" && bound !== null ? bound.port : port };
}
