import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type CryptoKey,
  type JWK,
} from "jose";
import type { Logger } from "pino";
import type { Database, Query } from "../service-kit/database.ts";
import {
  planKeys,
  signingKey,
  type KeyChange,
  type KeyPolicy,
  type KeyTimes,
} from "../service-kit/identity/key-plan.ts";
import { pause } from "../service-kit/pause.ts";

export interface SigningKey extends KeyTimes {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/**
 * The signing keys, as kept in the database and read from there time and again: replicas sign with the same ones, and
 * whichever of them sees first that a change is due makes it. What was read last serves while the database is away.
 */
export class Keyring {
  readonly #database: Database;
  readonly #policy: KeyPolicy;
  #keys: readonly SigningKey[] = [];
  #loading: Promise<void> | undefined;

  constructor(database: Database, policy: KeyPolicy) {
    this.#database = database;
    this.#policy = policy;
  }

  /** @throws {DatabaseUnavailable} when the keys have never been read */
  async signing(): Promise<SigningKey> {
    if (this.#keys.length === 0) await this.refresh();
    const key = signingKey(this.#keys, Date.now()) ?? this.#keys[0];
    if (key === undefined) throw new Error("there is no key to sign with");
    return key;
  }

  /** All that verify tokens, public halves only. @throws {DatabaseUnavailable} when they have never been read */
  async published(): Promise<readonly JWK[]> {
    if (this.#keys.length === 0) await this.refresh();
    return this.#keys.map(({ publicJwk }) => publicJwk);
  }

  /** Reads the keys again and does what is due. */
  async refresh(): Promise<void> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  /** Refreshes often enough to publish every key well before it signs, until the signal aborts. */
  async keepFresh(log: Logger, signal: AbortSignal): Promise<void> {
    const everyMs = Math.min(30_000, this.#policy.publishedAheadMs / 4);
    while (!signal.aborted) {
      await this.refresh().catch((error: unknown) =>
        log.warn({ err: error }, "signing keys could not be read; the last ones known serve"),
      );
      await pause(everyMs, signal);
    }
  }

  async #load(): Promise<void> {
    const rows = await readRows(this.#database.query);
    const isDue = ({ keys, nowMs }: StoredKeys): KeyChange[] => planKeys(keys, nowMs, this.#policy);
    const stored =
      isDue(rows).length === 0 ? rows : await this.#database.transaction((query) => change(query, isDue));
    const known = new Map(this.#keys.map((key) => [key.id, key]));
    this.#keys = await Promise.all(
      stored.keys.map(async ({ jwk, ...times }) => ({
        ...(known.get(times.id) ?? (await openKey(jwk))),
        ...times,
      })),
    );
  }
}

type StoredKey = KeyTimes & { readonly jwk: JWK };

interface StoredKeys {
  readonly keys: readonly StoredKey[];
  /** By the database's clock, which replicas share. */
  readonly nowMs: number;
}

async function readRows(query: Query): Promise<StoredKeys> {
  const rows = await query<{
    readonly nowMs: number;
    readonly id: string | null;
    readonly jwk: JWK;
    readonly signsFromMs: number;
    readonly retiresAtMs: number | null;
  }>(
    `select extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs", id, private_jwk as jwk,
       extract(epoch from signs_from)::float8 * 1000 as "signsFromMs",
       extract(epoch from retires_at)::float8 * 1000 as "retiresAtMs"
     from (select) as always left join signing_keys on true order by signs_from`,
  );
  return {
    nowMs: rows[0]?.nowMs ?? Date.now(),
    keys: rows.flatMap(({ id, jwk, signsFromMs, retiresAtMs }) =>
      id === null ? [] : [{ id, jwk, signsFromMs, retiresAtMs: retiresAtMs ?? undefined }],
    ),
  };
}

async function change(query: Query, isDue: (stored: StoredKeys) => KeyChange[]): Promise<StoredKeys> {
  await query("lock table signing_keys in exclusive mode");
  // Read again: another replica may have done it meanwhile.
  for (const due of isDue(await readRows(query)))
    switch (due.kind) {
      case "add": {
        const { kid, jwk } = await createKey();
        await query(
          "insert into signing_keys (id, private_jwk, signs_from) values ($1, $2, to_timestamp($3::float8 / 1000))",
          [kid, JSON.stringify(jwk), due.signsFromMs],
        );
        break;
      }
      case "retire":
        await query("update signing_keys set retires_at = to_timestamp($2::float8 / 1000) where id = $1", [
          due.id,
          due.atMs,
        ]);
        break;
      case "delete":
        await query("delete from signing_keys where id = $1", [due.id]);
        break;
    }
  return readRows(query);
}

async function createKey(): Promise<{ readonly kid: string; readonly jwk: JWK }> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  return { kid, jwk: { ...jwk, kid, alg: "ES256", use: "sig" } };
}

async function openKey(jwk: JWK): Promise<Pick<SigningKey, "privateKey" | "publicJwk">> {
  const privateKey = await importJWK(jwk, "ES256");
  if (privateKey instanceof Uint8Array) throw new Error("a signing key is not a key pair");
  const { d: _private, ...publicJwk } = jwk;
  return { privateKey, publicJwk };
}
