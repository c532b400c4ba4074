/**
 * The proxy as a process of its own:
 *
 *   node harness/proxy/main.ts [--listen 127.0.0.1:8474] [--lease 5s] [--seed TEXT]
 *
 * Once it listens it prints one line, {"listen":"127.0.0.1:8474"}. SIGTERM and SIGINT end it.
 */
import { parseArgs } from "node:util";
import { formatAddress, parseAddress } from "../base/address.ts";
import { parseDurationMs } from "../base/units.ts";
import { startProxyServer } from "./proxy-server.ts";

const { values } = parseArgs({
  options: {
    listen: { type: "string", default: "127.0.0.1:8474" },
    lease: { type: "string", default: "5s" },
    seed: { type: "string", default: "squall" },
  },
});
const listen = parseAddress(values.listen);
const leaseTtlMs = parseDurationMs(values.lease);
if (!listen) fail(`--listen expected host:port, got ${values.listen}`);
if (leaseTtlMs === undefined) fail(`--lease expected a duration such as 5s, got ${values.lease}`);

const server = await startProxyServer({ listen, leaseTtlMs, seed: values.seed });
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.once(signal, () => void server[Symbol.asyncDispose]().then(() => process.exit(0)));
process.stdout.write(`${JSON.stringify({ listen: formatAddress(server.address) })}\n`);

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(3);
}
