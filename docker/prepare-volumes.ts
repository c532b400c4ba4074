/**
 * Prepares the volumes of a stack before anything else starts: each folder below the first gets a `password`, random, for
 * whoever mounts it; the second becomes the services' own. What is there already stays.
 *
 *   node docker/prepare-volumes.ts SECRETS OWNED
 */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** That the image's processes run as. */
const user = 1_000;

const [secrets, owned] = process.argv.slice(2);
if (secrets === undefined || owned === undefined)
  throw new Error("expected the folder of secrets and the folder that services own");

for (const name of readdirSync(secrets)) {
  const file = join(secrets, name, "password");
  if (existsSync(file)) continue;
  // Readable to all: a volume is mounted by the two that share the secret, each with a user of its own.
  writeFileSync(`${file}.part`, randomBytes(24).toString("hex"), { mode: 0o444 });
  renameSync(`${file}.part`, file);
  console.log(`made a password for ${name}`);
}
if (statSync(owned).uid !== user) {
  chmodSync(owned, 0o700); // while it is still this process' own
  chownSync(owned, user, user);
}
