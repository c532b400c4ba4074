import { mkdtempSync } from "node:fs";
import { chmod, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { forgeToken, type Forgery } from "./identity.fixture.ts";
import { KeyFolder, keyPolicyOf } from "./key-folder.ts";
import { TokenSigner } from "./token-signer.ts";
import { TokenVerifier } from "./token-verifier.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "identity-"));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(dir, { recursive: true, force: true });
});

const policy = keyPolicyOf(3_600);

async function openKeys(service: string, keyPolicy = policy): Promise<KeyFolder> {
  const keys = new KeyFolder(dir, service, keyPolicy);
  await keys.refresh();
  return keys;
}

const signerOf = async (service: string): Promise<TokenSigner> =>
  new TokenSigner(service, await openKeys(service));

interface PublicFile {
  readonly keys: readonly (Readonly<Record<string, unknown>> & { readonly kid: string })[];
}
const published = async (service: string): Promise<PublicFile> =>
  JSON.parse(await readFile(join(dir, "public", `${service}.json`), "utf8")) as PublicFile;
const keyFiles = async (service: string): Promise<readonly string[]> =>
  (await readdir(join(dir, "private", service))).sort();

it("a token proves its caller and the user to the callee that it names", async () => {
  const order = await signerOf("order");
  const payment = new TokenVerifier(dir, "payment");
  expect(await payment.verify(await order.tokenFor("payment", "user-007"))).toEqual({
    name: "order",
    userId: "user-007",
  });
  expect(await payment.verify(await order.tokenFor("payment"))).toEqual({ name: "order", userId: undefined });
});

it("a token is short-lived, of one audience, with an id of its own, and says what it is", async () => {
  const order = await signerOf("order");
  const [token, other] = [await order.tokenFor("payment"), await order.tokenFor("catalog")];
  const { iat = 0, exp, jti, ...claims } = decodeJwt(token);
  expect(claims).toEqual({ iss: "order", aud: "payment" });
  expect(exp).toBe(iat + 60);
  expect(jti).not.toBe(decodeJwt(other).jti);
  expect(decodeProtectedHeader(token)).toMatchObject({ alg: "EdDSA", typ: "service+jwt" });
});

it("a token is used for many calls, but not for another user, and not beyond half of its life", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  const order = await signerOf("order");
  const first = await order.tokenFor("payment", "user-1");
  expect(await order.tokenFor("payment", "user-1")).toBe(first);
  expect(await order.tokenFor("payment", "user-2")).not.toBe(first);
  vi.advanceTimersByTime(29_900);
  expect(await order.tokenFor("payment", "user-1")).toBe(first);
  vi.advanceTimersByTime(200);
  expect(await order.tokenFor("payment", "user-1")).not.toBe(first);
});

it("a token that was verified is known until it ends, and not a moment longer", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  const token = await (await signerOf("order")).tokenFor("payment");
  const payment = new TokenVerifier(dir, "payment");
  expect(payment.known(token)).toBeUndefined();
  await payment.verify(token);
  expect(payment.known(token)).toMatchObject({ name: "order" });
  vi.advanceTimersByTime(60_000 + 4_000); // within what clocks may be apart
  await expect(payment.verify(token)).resolves.toMatchObject({ name: "order" });
  vi.advanceTimersByTime(2_000);
  expect(payment.known(token)).toBeUndefined();
  await expect(payment.verify(token)).rejects.toMatchObject({ reason: "expired" });
});

const forge = (forgery?: Forgery): Promise<string> => forgeToken(forgery, dir);

it("the forger of these tests can make a good one", async () => {
  await expect(new TokenVerifier(dir, "payment").verify(await forge())).resolves.toMatchObject({
    name: "order",
  });
});

it.each<[string, Forgery, string]>([
  ["for another callee", { claims: { aud: "catalog" } }, "wrong-claims"],
  ["from a service that has published no key", { claims: { iss: "stranger" } }, "unknown-caller"],
  ["from a path", { claims: { iss: "../private/order/1" } }, "unknown-caller"],
  ["from an empty name", { claims: { iss: "" } }, "unknown-caller"],
  ["of a key that nobody has", { header: { kid: "none" } }, "unknown-key"],
  ["signed with another key under this one's name", { withForeignKey: true }, "wrong-signature"],
  ["that ended", { iatSeconds: -120 }, "expired"],
  ["that is good for an hour, made a while ago", { iatSeconds: -120, lifeSeconds: 3_600 }, "expired"],
  ["from the future", { iatSeconds: 30 }, "wrong-claims"],
  ["of another kind", { header: { typ: "JWT" } }, "wrong-claims"],
  ["without an id", { claims: { jti: undefined } as never }, "wrong-claims"],
  ["for a user without a name", { claims: { sub: "" } }, "wrong-claims"],
  ["for a user with an endless name", { claims: { sub: "u".repeat(201) } }, "wrong-claims"],
])("a token %s is refused", async (_what, change, reason) => {
  await expect(new TokenVerifier(dir, "payment").verify(await forge(change))).rejects.toMatchObject({
    name: "TokenRefused",
    reason,
  });
});

it("a token that was tampered with is refused, whichever part it was", async () => {
  const [header = "", payload = "", signature = ""] = (await forge()).split(".");
  const flip = (text: string): string => (text.startsWith("A") ? "B" : "A") + text.slice(1);
  const none = Buffer.from('{"alg":"none","typ":"service+jwt"}').toString("base64url");
  const payment = new TokenVerifier(dir, "payment");
  for (const token of [
    `${flip(header)}.${payload}.${signature}`,
    `${header}.${payload}.${flip(signature)}`,
    `${header}.${Buffer.from('{"iss":"order","aud":"payment"}').toString("base64url")}.${signature}`,
    `${header}.${payload}.`,
    `${none}.${payload}.`,
    `${header}.${payload}`,
    "nonsense",
    "",
    `${header}.${payload}.${signature}${"A".repeat(3_000)}`,
  ])
    await expect(payment.verify(token)).rejects.toMatchObject({ name: "TokenRefused" });
});

it("a private key is its owner's alone, published are public halves only, and a folder left open is refused", async () => {
  await openKeys("order");
  const file = join(dir, "private", "order", "1.json");
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(dir, "private"))).mode & 0o777).toBe(0o700);
  const { keys } = await published("order");
  expect(keys).toHaveLength(1);
  expect(Object.keys(keys[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x"]);
  await chmod(file, 0o644);
  await expect(openKeys("order")).rejects.toThrow(/other users may read.*chmod 600/);
});

it("replicas that start at once have one key, and a restart has it still", async () => {
  const replicas = await Promise.all(Array.from({ length: 8 }, () => openKeys("order")));
  const ids = new Set([...replicas, await openKeys("order")].map((keys) => keys.signing().id));
  expect(ids.size).toBe(1);
  expect(await keyFiles("order")).toEqual(["1.json"]);
  expect((await published("order")).keys.map(({ kid }) => kid)).toEqual([...ids]);
});

it("a key is published before it signs, and the one before it is kept until its tokens have ended", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  const quick = keyPolicyOf(40);
  const keys = await openKeys("order", quick);
  const order = new TokenSigner("order", keys);
  const payment = new TokenVerifier(dir, "payment");
  const kidsPublished = async () => (await published("order")).keys.map(({ kid }) => kid);
  const first = keys.signing().id;
  await keys.rotate();
  const [, second] = await kidsPublished();
  expect([keys.signing().id, typeof second]).toEqual([first, "string"]);

  const last = await order.tokenFor("payment", "the last of the first key");
  vi.advanceTimersByTime(quick.publishedAheadMs + 1);
  await keys.refresh();
  const next = await order.tokenFor("payment", "the first of the second key");
  expect(decodeProtectedHeader(next).kid).toBe(second);
  await expect(payment.verify(last)).resolves.toMatchObject({ name: "order" });
  await expect(payment.verify(next)).resolves.toMatchObject({ name: "order" });

  vi.advanceTimersByTime(quick.keptForMs);
  await keys.refresh();
  expect(await kidsPublished()).not.toContain(first);
  expect(await keyFiles("order")).not.toContain("1.json");
});

it("the schedule alone rotates, and replicas that do it at once make one key", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  const replicas = await Promise.all([openKeys("order"), openKeys("order"), openKeys("order")]);
  vi.advanceTimersByTime(policy.signsForMs - policy.publishedAheadMs + 1);
  await Promise.all(replicas.map((keys) => keys.refresh()));
  expect(await keyFiles("order")).toEqual(["1.json", "2.json"]);
  vi.advanceTimersByTime(policy.publishedAheadMs);
  await Promise.all(replicas.map((keys) => keys.refresh()));
  expect(new Set(replicas.map((keys) => keys.signing().id)).size).toBe(1);
});

it("no token is refused while keys follow each other", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  const keys = await openKeys("order", keyPolicyOf(300));
  const order = new TokenSigner("order", keys);
  const payment = new TokenVerifier(dir, "payment");
  const used = new Set<string | undefined>();
  for (let second = 0; second < 1_200; second += 15) {
    const token = await order.tokenFor("payment");
    used.add(decodeProtectedHeader(token).kid);
    expect((payment.known(token) ?? (await payment.verify(token))).name).toBe("order");
    vi.advanceTimersByTime(15_000);
    await keys.refresh();
  }
  expect(used.size).toBe(4);
});

it("a key whose file is deleted is withdrawn: another one signs, and its tokens are good for nothing", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance"] });
  const keys = await openKeys("order");
  const order = new TokenSigner("order", keys);
  const payment = new TokenVerifier(dir, "payment");
  const token = await order.tokenFor("payment");
  await payment.verify(token);
  expect(payment.known(token)).toBeDefined();
  await rm(join(dir, "private", "order", "1.json"));
  await keys.refresh();
  vi.advanceTimersByTime(1_001); // how long nobody looks
  expect(payment.known(token)).toBeUndefined();
  await expect(payment.verify(token)).rejects.toMatchObject({ reason: "unknown-key" });
  const next = await order.tokenFor("payment");
  expect(next).not.toBe(token);
  await expect(payment.verify(next)).resolves.toMatchObject({ name: "order" });
});

it("a callee that is up already knows the tokens of a caller that starts later", async () => {
  const payment = new TokenVerifier(dir, "payment");
  await expect(payment.verify(await forge({ claims: { iss: "late" } }))).rejects.toMatchObject({
    reason: "unknown-caller",
  });
  const late = await signerOf("late");
  await expect(payment.verify(await late.tokenFor("payment"))).resolves.toMatchObject({ name: "late" });
});

it("a published file that is damaged is repaired at the next look, and a callee says that it cannot read it", async () => {
  const keys = await openKeys("order");
  const token = await new TokenSigner("order", keys).tokenFor("payment");
  const file = join(dir, "public", "order.json");
  await writeFile(`${file}.new`, '{"keys":');
  await rename(`${file}.new`, file);
  await expect(new TokenVerifier(dir, "payment").verify(token)).rejects.toThrow(SyntaxError);
  await keys.refresh();
  await expect(new TokenVerifier(dir, "payment").verify(token)).resolves.toMatchObject({ name: "order" });
});

it("a service of an impossible name has no identity", () => {
  expect(() => new KeyFolder(dir, "../order", policy)).toThrow(
    'expected the name of a service, got "../order"',
  );
});
