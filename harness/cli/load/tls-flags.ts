import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { SquallError, messageOf } from "../../base/errors.ts";
import type { TlsOptions } from "../../load/http/client.ts";
import type { LoadFlags } from "./load-flags.ts";

/**
 * How a load knows the server of an `https:` URL; undefined where nothing is said of it.
 * @throws {SQUALL_USAGE} when it is said of a URL without TLS
 * @throws {SQUALL_FILE} when there are no certificates in the file
 */
export function tlsOf({ ca, insecure }: LoadFlags, baseUrl: string): TlsOptions | undefined {
  const flag = ca === undefined ? "insecure" : "ca";
  if (ca === undefined && insecure === undefined) return undefined;
  if (ca !== undefined && insecure !== undefined)
    throw new SquallError(
      "SQUALL_USAGE",
      "--insecure: with --ca there is one to trust: leave out one of the two",
    );
  if (!baseUrl.startsWith("https:"))
    throw new SquallError("SQUALL_USAGE", `--${flag}: expected a URL of https:, got ${baseUrl}`);
  return ca === undefined ? { insecure: true } : { ca: certificatesIn(ca) };
}

function certificatesIn(file: string): string {
  try {
    const pem = readFileSync(file, "utf8");
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    throw new SquallError(
      "SQUALL_FILE",
      `--ca: expected certificates in PEM in ${file}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}
