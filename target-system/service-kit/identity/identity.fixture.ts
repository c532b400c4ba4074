import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyFolder, keyPolicyOf } from "./key-folder.ts";
import { TokenSigner } from "./token-signer.ts";

/** The folder of identities that the services of a test file share; gone when its process ends. */
export const testIdentityDir = mkdtempSync(join(tmpdir(), "identity-"));
process.once("exit", () => rmSync(testIdentityDir, { recursive: true, force: true }));

const signers = new Map<string, Promise<TokenSigner>>();

async function openSigner(service: string): Promise<TokenSigner> {
  const keys = new KeyFolder(testIdentityDir, service, keyPolicyOf(3_600));
  await keys.refresh();
  return new TokenSigner(service, keys);
}

/** The header by which `caller`, a service, proves itself to `callee`. */
export async function proofOf(
  caller: string,
  callee: string,
  userId?: string,
): Promise<{ readonly authorization: string }> {
  const signer = signers.get(caller) ?? openSigner(caller);
  signers.set(caller, signer);
  return { authorization: `Bearer ${await (await signer).tokenFor(callee, userId)}` };
}
