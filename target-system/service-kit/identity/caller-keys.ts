import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { z } from "zod";

/** What a caller's tokens are verified with; the same function for as long as the caller's keys are the same. */
export type CallerKeys = JWTVerifyGetKey;

interface Read {
  readonly keys: CallerKeys;
  /** Tells one version of the file from the next, which is another file under the same name. */
  readonly version: string;
  readonly lookedAtMs: number;
}

const jwksSchema = z.object({
  keys: z.array(
    z.object({
      kty: z.literal("OKP"),
      crv: z.literal("Ed25519"),
      x: z.string(),
      kid: z.string(),
      alg: z.literal("EdDSA"),
      use: z.literal("sig"),
    }),
  ),
});

/** A key that was withdrawn verifies nothing after this time. */
const lookEveryMs = 1_000;

/** The public keys of callers, from the files that they publish (key-folder.ts), read again when those change. */
export class CallerKeyFolder {
  readonly #folder: string;
  /** Callers that have published keys; nobody else is remembered, so that made-up names fill nothing. */
  readonly #callers = new Map<string, Read>();

  constructor(identityDir: string) {
    this.#folder = join(identityDir, "public");
  }

  /** What is known of a caller without looking; undefined when that may be out of date. */
  atHand(caller: string): CallerKeys | undefined {
    const known = this.#callers.get(caller);
    return known !== undefined && performance.now() < known.lookedAtMs + lookEveryMs ? known.keys : undefined;
  }

  /**
   * What the caller's file says now.
   * @param caller a name that is safe in a path
   * @returns undefined when there is no such caller
   * @throws {Error} when the file cannot be read
   */
  async look(caller: string): Promise<CallerKeys | undefined> {
    const path = join(this.#folder, `${caller}.json`);
    const lookedAtMs = performance.now();
    const known = this.#callers.get(caller);
    // Without its file a caller stays known: withdrawn is what a file no longer lists.
    const version = (await versionOf(path)) ?? known?.version;
    if (version === undefined) return undefined;
    const keys = version === known?.version ? known.keys : await readKeys(path);
    this.#callers.set(caller, { keys, version, lookedAtMs });
    return keys;
  }
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { ino, mtimeMs, size } = await stat(path);
    return `${ino}/${mtimeMs}/${size}`;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function readKeys(path: string): Promise<CallerKeys> {
  return createLocalJWKSet(jwksSchema.parse(JSON.parse(await readFile(path, "utf8"))));
}
