import type { Logger } from "pino";
import { KeyFolder, keyPolicyOf } from "./key-folder.ts";
import { TokenSigner } from "./token-signer.ts";
import { TokenVerifier } from "./token-verifier.ts";

/** Who a service is to those that it calls, and how it knows those that call it. */
export interface Identity {
  readonly signer: TokenSigner;
  readonly verifier: TokenVerifier;
  /** Follows the service's keys, and makes the next one when it is time, until the signal aborts. */
  keepFresh(log: Logger, signal: AbortSignal): Promise<void>;
}

/**
 * Opens a service's identity; on the first start that makes its key.
 * @param signingKeySeconds how long a key signs before the next one does
 * @throws {Error} when the folder cannot be used, or other users may read a private key in it
 */
export async function openIdentity(
  identityDir: string,
  service: string,
  signingKeySeconds: number,
): Promise<Identity> {
  const keys = new KeyFolder(identityDir, service, keyPolicyOf(signingKeySeconds));
  await keys.refresh();
  return {
    signer: new TokenSigner(service, keys),
    verifier: new TokenVerifier(identityDir, service),
    keepFresh: (log, signal) => keys.keepFresh(log, signal),
  };
}
