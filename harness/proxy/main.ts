import { parseArgs } from "node:util";
import { formatAddress } from "../base/address.ts";
import { SquallError, exitCodes, messageOf } from "../base/errors.ts";
import { parseLeaseMs } from "./lease.ts";
import { startProxyServer, type ProxyServerOptions } from "./proxy-server.ts";
import type { ProxySpec } from "./proxy-spec.ts";

/**
 * The proxy as a process of a fleet, or in a container of one, without the rest of Squall in its memory: one JSON line on
 * stdout when it is ready, ends on SIGTERM or SIGINT. People start it as `squall proxy` (harness/cli/proxy.ts).
 */

const usage = `usage: node harness/proxy/main.ts [--listen HOST:PORT] [--config FILE] [--lease DURATION] [--seed TEXT] [--no-token]
  --listen    address of the API                                  (default 127.0.0.1:0: any free port)
  --config    proxies to begin with, as in Toxiproxy's configuration
  --lease     how long a lease lives that does not say otherwise  (default 5s)
  --seed      decides every random choice                         (default squall)
  --no-token  asks for none where other machines reach the API: in a network that is the fleet's own
`;

try {
  const options = await readOptions(process.argv.slice(2));
  if (options === "help") process.stdout.write(usage);
  else await run(options);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = error instanceof SquallError ? error.exitCode : exitCodes.internal;
}

async function run(options: ProxyServerOptions): Promise<void> {
  const server = await startProxyServer(options);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void server.close());
  process.stdout.write(`${JSON.stringify({ listen: formatAddress(server.address) })}\n`);
}

async function readOptions(argv: readonly string[]): Promise<ProxyServerOptions | "help"> {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        listen: { type: "string", default: "127.0.0.1:0" },
        lease: { type: "string", default: "5s" },
        seed: { type: "string", default: "squall" },
        config: { type: "string" },
        "no-token": { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    throw new SquallError("SQUALL_USAGE", `${messageOf(error)}\n${usage}`, { cause: error });
  }
  if (values.help) return "help";
  return {
    listen: values.listen,
    leaseMs: parseLeaseMs(values.lease),
    seed: values.seed,
    ...(values["no-token"] ? { token: null } : {}),
    ...(values.config === undefined ? {} : { proxies: await readProxies(values.config) }),
  };
}

/** Loads what reads a file only for whoever has one. */
async function readProxies(file: string): Promise<readonly ProxySpec[]> {
  const { readProxyConfig } = await import("./proxy-config.ts");
  return readProxyConfig(file);
}
