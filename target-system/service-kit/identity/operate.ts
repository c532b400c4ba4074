import { z } from "zod";
import { KeyFolder, keyPolicyOf } from "./key-folder.ts";
import { TokenSigner } from "./token-signer.ts";

/**
 * For whoever operates the shop, with the services' folder of identities in IDENTITY_DIR, and as the services' user:
 *
 *   operate.ts rotate order                       makes the next key of a service, which signs once it has been published
 *   operate.ts token gateway catalog [user-001]   prints a token of a service for another, to try a route with
 */
const usage = "usage: operate.ts rotate SERVICE | operate.ts token CALLER CALLEE [USER]";

const { IDENTITY_DIR: identityDir, IDENTITY_KEY_SECONDS: keySeconds } = z
  .object({
    IDENTITY_DIR: z.string().min(1),
    IDENTITY_KEY_SECONDS: z.coerce.number().positive().default(86_400),
  })
  .parse(process.env);

const [command, service, callee, userId] = process.argv.slice(2);
if (service === undefined) throw new Error(usage);
const keys = new KeyFolder(identityDir, service, keyPolicyOf(keySeconds));
if (command === "rotate") {
  await keys.rotate();
} else if (command === "token" && callee !== undefined) {
  await keys.refresh();
  console.log(await new TokenSigner(service, keys).tokenFor(callee, userId));
} else throw new Error(usage);
