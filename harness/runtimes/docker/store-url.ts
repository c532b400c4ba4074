import type Docker from "dockerode";
import { formatAddress } from "../../base/address.ts";
import { SquallError } from "../../base/errors.ts";
import { execute } from "./execute.ts";
import { publishedAt, variableOf, type StackContainer } from "./stack.ts";

const postgresPort = 5432;

/**
 * Connection URL of a store that was made by the variables of PostgreSQL's official image.
 * @throws {SQUALL_UNSUPPORTED} when it was not @throws {SQUALL_DOCKER}
 */
export async function storeUrl(docker: Docker, container: StackContainer): Promise<string> {
  const { name, part, info } = container;
  const address = publishedAt(info, postgresPort);
  if (address === undefined)
    throw new Error(`${name} does not publish its port, and the stack was taken for whole`);
  const user = variableOf(info, "POSTGRES_USER") ?? "postgres";
  const database = variableOf(info, "POSTGRES_DB") ?? user;
  const url = new URL(`postgresql://${formatAddress(address)}/${encodeURIComponent(database)}`);
  url.username = user;
  url.password = encodeURIComponent(await passwordOf(docker, container));
  return url.href;

  async function passwordOf(engine: Docker, { id }: StackContainer): Promise<string> {
    const password = variableOf(info, "POSTGRES_PASSWORD");
    const file = variableOf(info, "POSTGRES_PASSWORD_FILE");
    if (password !== undefined) return password;
    if (file !== undefined) return (await execute(engine, id, part, ["cat", file])).trim();
    throw new SquallError("SQUALL_UNSUPPORTED", `nothing says with which password ${name} is asked`, {
      hint: "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, as the official image has it",
    });
  }
}
