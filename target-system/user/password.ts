import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";
import { Lanes } from "./lanes.ts";

/**
 * Passwords are kept as `scrypt$<N>$<r>$<p>$<salt>$<hash>`, so that the cost can rise without locking anyone out.
 * N = 2^14, r = 8, p = 1: what OWASP's cheat sheet of 2024 lists as an alternative with p = 5 is more than a shop of this
 * size may spend on 2 cores.
 */
const cost = { N: 2 ** 14, r: 8, p: 1 } as const;
const keyBytes = 32;

/**
 * Hashing is work for libuv's four threads, which also sign tokens and look up hosts: two are left to those. What waits
 * longer than its turn takes would be given up by its caller, so it is refused at once.
 */
const lanes = new Lanes({ atOnce: 2, waiting: 32 });

/**
 * @param salt for seeded users, whose hashes must be the same each time; @default random
 * @throws {HttpError} 503 busy
 */
export async function hashPassword(
  password: string,
  { salt = randomBytes(16), N = cost.N } = {},
): Promise<string> {
  // Seeding is not a customer's doing and comes before the first of them.
  const options = { ...cost, N };
  const key = N < cost.N ? await derive(password, salt, options) : await inTurn(password, salt, options);
  return ["scrypt", N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/**
 * Whether it is the right one. A wrong password takes as long whatever hash it was held against, also none at all: the time
 * does not tell which accounts there are.
 * @throws {HttpError} 503 busy
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const hash = stored === undefined ? undefined : parseHash(stored);
  if (hash !== undefined) {
    const key = await inTurn(password, hash.salt, hash.options);
    if (timingSafeEqual(key, hash.key)) return true;
    if (hash.options.N >= cost.N) return false;
  }
  await inTurn(password, decoySalt, cost);
  return false;
}

const decoySalt = randomBytes(16);

interface StoredHash {
  readonly options: { readonly N: number; readonly r: number; readonly p: number };
  readonly salt: Buffer;
  readonly key: Buffer;
}

function parseHash(stored: string): StoredHash {
  const [scheme, N, r, p, salt = "", hash = ""] = stored.split("$");
  const key = Buffer.from(hash, "base64url");
  if (scheme !== "scrypt" || key.length !== keyBytes)
    throw new Error("a stored password hash cannot be read");
  return {
    options: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64url"),
    key,
  };
}

function inTurn(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return lanes.run(() => derive(password, salt, options));
}

function derive(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password.normalize("NFKC"), salt, keyBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  );
}
