import { parseArgs } from "node:util";
import { formatAddress, parseAddress } from "../base/address.ts";
import { SquallError, exitCodes, messageOf } from "../base/errors.ts";
import { startReceiver } from "./receiver.ts";

/**
 * The receiver as a process: `receiver-main.ts --listen 127.0.0.1:0`. Prints `{"listen":"127.0.0.1:PORT"}` when it takes
 * spans; SIGTERM or SIGINT ends it.
 */
try {
  const { values } = parseArgs({ options: { listen: { type: "string", default: "127.0.0.1:0" } } });
  const listen = parseAddress(values.listen);
  if (listen === undefined)
    throw new SquallError(
      "SQUALL_USAGE",
      `--listen: expected an address such as 127.0.0.1:0, got ${values.listen}`,
    );
  const receiver = await startReceiver({ listen, onEnd: (told) => process.stderr.write(`${told}\n`) });
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.once(signal, () => void receiver[Symbol.asyncDispose]().then(() => process.exit(exitCodes.held)));
  process.stdout.write(`${JSON.stringify({ listen: formatAddress(receiver.address) })}\n`);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = error instanceof SquallError ? error.exitCode : exitCodes.invalid;
}
