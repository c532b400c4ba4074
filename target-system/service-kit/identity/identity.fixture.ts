import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT, generateKeyPair, importJWK, type CryptoKey, type JWK, type JWTPayload } from "jose";
import { afterAll } from "vitest";
import { KeyFolder, keyPolicyOf } from "./key-folder.ts";
import { TokenSigner } from "./token-signer.ts";

/** The folder of identities that the services of a test file share; gone after its last test. */
export const testIdentityDir = mkdtempSync(join(tmpdir(), "identity-"));
afterAll(() => rmSync(testIdentityDir, { recursive: true, force: true }));

const signers = new Map<string, Promise<TokenSigner>>();

async function openSigner(service: string, identityDir: string): Promise<TokenSigner> {
  const keys = new KeyFolder(identityDir, service, keyPolicyOf(3_600));
  await keys.refresh();
  return new TokenSigner(service, keys);
}

/** The header by which `caller`, a service, proves itself to `callee`. */
export async function proofOf(
  caller: string,
  callee: string,
  userId?: string,
): Promise<{ readonly authorization: string }> {
  const signer = signers.get(caller) ?? openSigner(caller, testIdentityDir);
  signers.set(caller, signer);
  return { authorization: `Bearer ${await (await signer).tokenFor(callee, userId)}` };
}

/** What a token says, where it differs from a good one of `order` for `payment`. */
export interface Forgery {
  readonly claims?: Readonly<JWTPayload>;
  readonly header?: Readonly<Record<string, string>>;
  /** When it was made, in seconds from now. @default 0 */
  readonly iatSeconds?: number;
  /** @default 60 */
  readonly lifeSeconds?: number;
  /** Signed with a key that nobody has published. */
  readonly withForeignKey?: boolean;
}

/** Signs whatever one likes, with order's own key or a foreign one. */
export async function forgeToken(forgery: Forgery = {}, identityDir = testIdentityDir): Promise<string> {
  await openSigner("order", identityDir);
  const { jwk } = JSON.parse(readFileSync(join(identityDir, "private", "order", "1.json"), "utf8")) as {
    readonly jwk: JWK & { readonly kid: string };
  };
  const key: CryptoKey | Uint8Array =
    forgery.withForeignKey === true
      ? (await generateKeyPair("EdDSA")).privateKey
      : await importJWK(jwk, "EdDSA");
  const iat = Math.floor(Date.now() / 1_000) + (forgery.iatSeconds ?? 0);
  const exp = iat + (forgery.lifeSeconds ?? 60);
  return new SignJWT({ iss: "order", aud: "payment", jti: "1", iat, exp, ...forgery.claims })
    .setProtectedHeader({ alg: "EdDSA", typ: "service+jwt", kid: jwk.kid, ...forgery.header })
    .sign(key);
}
