import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
} from "jose";
import type { Logger } from "pino";
import { z } from "zod";
import { pause } from "../pause.ts";
import { planKeys, signingKey, type KeyPolicy, type KeyTimes } from "./key-plan.ts";
import { isServiceName, tokenAlgorithm, tokenSeconds } from "./service-token.ts";

/**
 * The keys by which a service proves who it is, as files:
 *
 *   <IDENTITY_DIR>/
 *     private/<service>/1.json, 2.json, …   a key each, for the service's eyes alone; the next key is the next number
 *     public/<service>.json                 what they are verified with: a JWK set, for all to read
 *
 * Replicas of a service share its folder without a lock: a key file is made under its number as a whole or not at all,
 * so that of two replicas which make the next key at once one wins and both use it; it never changes afterwards. When a
 * key signs, and until when its tokens live, follows from the times in these files (key-plan.ts). Deleting a key's file
 * withdraws the key: with the next look at the folder it is no longer published, and none of its tokens is good.
 */
export interface FileKey extends KeyTimes {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** Longer than a token lives and clocks are apart. */
const keptForMs = 2 * tokenSeconds * 1_000;

/** A new key after each `signsForSeconds`. */
export function keyPolicyOf(signsForSeconds: number): KeyPolicy {
  return {
    signsForMs: signsForSeconds * 1_000,
    publishedAheadMs: Math.min(60, signsForSeconds / 4) * 1_000,
    keptForMs,
  };
}

const fileSchema = z.object({
  signsFromMs: z.number(),
  jwk: z.object({
    kty: z.literal("OKP"),
    crv: z.literal("Ed25519"),
    x: z.string(),
    d: z.string(),
    kid: z.string(),
  }),
});

type KeyFile = { readonly number: number } & z.output<typeof fileSchema>;

export class KeyFolder {
  readonly #private: string;
  readonly #public: string;
  readonly #publicFile: string;
  readonly #service: string;
  readonly #policy: KeyPolicy;
  #keys: readonly FileKey[] = [];

  /** @throws {Error} when `service` is no name of a service */
  constructor(identityDir: string, service: string, policy: KeyPolicy) {
    if (!isServiceName(service)) throw new Error(`expected the name of a service, got "${service}"`);
    this.#private = join(identityDir, "private", service);
    this.#public = join(identityDir, "public");
    this.#publicFile = join(this.#public, `${service}.json`);
    this.#service = service;
    this.#policy = policy;
  }

  /** The key that signs now. @throws {Error} before the first {@link refresh} */
  signing(): FileKey {
    const key = signingKey(this.#keys, Date.now()) ?? this.#keys[0];
    if (key === undefined) throw new Error(`${this.#service} has no key to sign with`);
    return key;
  }

  /** Whether a key is still one of this service's. */
  has(id: string): boolean {
    return this.#keys.some((key) => key.id === id);
  }

  /**
   * Looks at the folder, does what is due, and publishes what there is.
   * @throws {Error} when the folder cannot be used, or a private key can be read by other users
   */
  async refresh(): Promise<void> {
    await mkdir(this.#private, { recursive: true, mode: 0o700 });
    await mkdir(this.#public, { recursive: true });
    let files = await this.#read();
    for (const change of planKeys(timesOf(files, this.#policy), Date.now(), this.#policy))
      switch (change.kind) {
        case "add":
          await this.#add(nextNumber(files), change.signsFromMs);
          break;
        case "delete":
          await rm(this.#fileOf(files, change.id), { force: true });
          break;
        case "retire": // follows from the next key's time
          break;
      }
    files = await this.#read();
    await this.#publish(files);
    const known = new Map(this.#keys.map((key) => [key.id, key]));
    const times = timesOf(files, this.#policy);
    this.#keys = await Promise.all(
      files.map(async ({ jwk }, index) => ({
        ...(known.get(jwk.kid) ?? (await openKey(jwk))),
        ...(times[index] ?? { id: jwk.kid, signsFromMs: 0, retiresAtMs: undefined }),
      })),
    );
  }

  /** Refreshes often enough to publish every key before it signs, until the signal aborts. */
  async keepFresh(log: Logger, signal: AbortSignal): Promise<void> {
    const everyMs = Math.min(mostApartMs, this.#policy.publishedAheadMs / 4);
    while (!signal.aborted) {
      await pause(everyMs, signal, { ref: false });
      if (signal.aborted) return;
      await this.refresh().catch((error: unknown) =>
        log.warn({ err: error }, "the folder of identity keys could not be used; the keys known serve"),
      );
    }
  }

  /** Makes the next key now; it signs once it has been published for as long as the policy says. */
  async rotate(): Promise<void> {
    await this.refresh();
    const files = await this.#read();
    await this.#add(nextNumber(files), Date.now() + this.#policy.publishedAheadMs);
    await this.refresh();
  }

  async #read(): Promise<readonly KeyFile[]> {
    const numbers = (await readdir(this.#private))
      .flatMap((name) => /^(?<number>\d+)\.json$/.exec(name)?.groups?.["number"] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
    const files = await Promise.all(
      numbers.map(async (number) => {
        const path = join(this.#private, `${number}.json`);
        try {
          await refuseOpenFile(path);
          return [{ number, ...fileSchema.parse(JSON.parse(await readFile(path, "utf8"))) }];
        } catch (error) {
          if (isAbsent(error)) return []; // withdrawn, or another replica cleared it away
          throw error;
        }
      }),
    );
    return files.flat();
  }

  async #add(number: number, signsFromMs: number): Promise<void> {
    const file = { signsFromMs, jwk: await createKey() };
    const whole = join(this.#private, `.${randomUUID()}`);
    await writeFile(whole, JSON.stringify(file), { mode: 0o600, flag: "wx" });
    try {
      await link(whole, join(this.#private, `${number}.json`));
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error; // another replica made it first
    } finally {
      await rm(whole);
    }
  }

  /** What other replicas publish at the same time is the same, once all have seen the same files: looks until it is. */
  async #publish(files: readonly KeyFile[]): Promise<void> {
    const text = publicTextOf(files);
    const published = await readFile(this.#publicFile, "utf8").catch((error: unknown) => {
      if (!isAbsent(error)) throw error; // nothing is published yet
    });
    if (published === text) return;
    const whole = join(this.#public, `.${this.#service}.${randomUUID()}`);
    await writeFile(whole, text, { mode: 0o644, flag: "wx" });
    await rename(whole, this.#publicFile);
    const now = await this.#read();
    if (publicTextOf(now) !== text) await this.#publish(now);
  }

  #fileOf(files: readonly KeyFile[], id: string): string {
    const file = files.find(({ jwk }) => jwk.kid === id);
    return join(this.#private, `${file?.number}.json`);
  }
}

/** A key that was withdrawn must be gone soon. */
const mostApartMs = 2_000;

function nextNumber(files: readonly KeyFile[]): number {
  return (files.at(-1)?.number ?? 0) + 1;
}

/** A key's tokens have ended some time after the next one signs. */
function timesOf(files: readonly KeyFile[], { keptForMs }: KeyPolicy): readonly KeyTimes[] {
  return files.map(({ signsFromMs, jwk }, index) => {
    const next = files[index + 1];
    return {
      id: jwk.kid,
      signsFromMs,
      retiresAtMs: next === undefined ? undefined : next.signsFromMs + keptForMs,
    };
  });
}

function publicTextOf(files: readonly KeyFile[]): string {
  const keys = files.map(({ jwk: { d: _private, ...jwk } }) => ({ ...jwk, alg: tokenAlgorithm, use: "sig" }));
  return `${JSON.stringify({ keys })}\n`;
}

async function createKey(): Promise<KeyFile["jwk"]> {
  const { privateKey } = await generateKeyPair(tokenAlgorithm, { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(privateKey);
  return fileSchema.shape.jwk.parse({ ...jwk, kid: await calculateJwkThumbprint(jwk) });
}

async function openKey(jwk: KeyFile["jwk"]): Promise<Pick<FileKey, "privateKey" | "publicJwk">> {
  const privateKey = await importJWK(jwk, tokenAlgorithm);
  if (privateKey instanceof Uint8Array) throw new Error("an identity key is not a key pair");
  const { d: _private, ...publicJwk } = jwk;
  return { privateKey, publicJwk };
}

const othersMayRead = 0o077;

/** @throws {Error} when users other than the file's owner may read it; Windows has no such modes */
async function refuseOpenFile(path: string): Promise<void> {
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & othersMayRead) !== 0)
    throw new Error(`${path} is a private key that other users may read; make it theirs alone: chmod 600`);
}

function isAbsent(error: unknown): boolean {
  return hasCode(error, "ENOENT");
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
