import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from "node:crypto";

/**
 * Passwords are kept as `scrypt$<N>$<r>$<p>$<salt>$<hash>`, so that the cost can rise without locking anyone out.
 * N = 2^14, r = 8, p = 1: what OWASP's cheat sheet of 2024 lists as an alternative with p = 5 is more than a shop of this
 * size may spend on 2 cores.
 */
const cost = { N: 2 ** 14, r: 8, p: 1 } as const;
const keyBytes = 32;

/** @param salt for seeded users, whose hashes must be the same each time; @default random */
export async function hashPassword(
  password: string,
  { salt = randomBytes(16), N = cost.N } = {},
): Promise<string> {
  const key = await derive(password, salt, { ...cost, N });
  return ["scrypt", N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Takes as long for a wrong password as for the right one. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, N, r, p, salt, hash] = stored.split("$");
  if (scheme !== "scrypt" || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, "base64url");
  const key = await derive(password, Buffer.from(salt, "base64url"), {
    N: Number(N),
    r: Number(r),
    p: Number(p),
  });
  return key.length === expected.length && timingSafeEqual(key, expected);
}

function derive(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(password.normalize("NFKC"), salt, keyBytes, options, (error, key) =>
      error ? reject(error) : resolve(key),
    ),
  );
}
