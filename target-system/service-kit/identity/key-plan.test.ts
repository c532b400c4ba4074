import { expect, it } from "vitest";
import { planKeys, signingKey, type KeyChange, type KeyTimes } from "./key-plan.ts";

const policy = { signsForMs: 1_000, publishedAheadMs: 200, keptForMs: 300 };

const key = (id: string, signsFromMs: number, retiresAtMs?: number): KeyTimes => ({
  id,
  signsFromMs,
  retiresAtMs,
});

it("the first key signs at once", () => {
  expect(planKeys([], 5_000, policy)).toEqual([{ kind: "add", signsFromMs: 5_000 }]);
});

it("nothing is due while a key is neither about to be followed nor over", () => {
  expect(planKeys([key("a", 0)], 799, policy)).toEqual([]);
});

it("the next key is added well before it signs, and the one before it kept as long as its tokens live", () => {
  expect(planKeys([key("a", 0)], 800, policy)).toEqual<KeyChange[]>([
    { kind: "add", signsFromMs: 1_000 },
    { kind: "retire", id: "a", atMs: 1_300 },
  ]);
});

it("a key that is late is seen as long before it signs as any other", () => {
  expect(planKeys([key("a", 0)], 9_000, policy)[0]).toEqual({ kind: "add", signsFromMs: 9_200 });
});

it("nothing more is added while the next one waits for its time; the old one signs until then", () => {
  const keys = [key("a", 0, 1_300), key("b", 1_000)];
  expect(planKeys(keys, 900, policy)).toEqual([]);
  expect([signingKey(keys, 999)?.id, signingKey(keys, 1_000)?.id]).toEqual(["a", "b"]);
});

it("a key whose tokens are over is deleted, and not a moment before", () => {
  const keys = [key("a", 0, 1_300), key("b", 1_000)];
  expect(planKeys(keys, 1_299, policy)).toEqual([]);
  expect(planKeys(keys, 1_300, policy)).toEqual([{ kind: "delete", id: "a" }]);
});

it("whenever a token is verified while it lives, its key is published; and it was before the token was signed", () => {
  // A life of keys in virtual time, with pauses in which nobody looks after them.
  const published: { readonly atMs: number; readonly ids: readonly string[] }[] = [];
  const signed: { readonly atMs: number; readonly id: string | undefined }[] = [];
  let keys: KeyTimes[] = [];
  for (let nowMs = 0; nowMs < 20_000; nowMs += 10) {
    const isAway = nowMs % 7_000 > 3_000 && nowMs % 7_000 < 5_500;
    if (!isAway)
      for (const change of planKeys(keys, nowMs, policy)) {
        if (change.kind === "add") keys = [...keys, key(`k${nowMs}`, change.signsFromMs)];
        else if (change.kind === "delete") keys = keys.filter(({ id }) => id !== change.id);
        else
          keys = keys.map((each) => (each.id === change.id ? { ...each, retiresAtMs: change.atMs } : each));
      }
    published.push({ atMs: nowMs, ids: keys.map(({ id }) => id) });
    signed.push({ atMs: nowMs, id: signingKey(keys, nowMs)?.id });
  }
  const isPublished = (id: string, atMs: number): boolean => published[atMs / 10]?.ids.includes(id) === true;
  const first = signed[0]?.id;
  for (const { atMs, id } of signed.slice(0, -30)) {
    expect(id).toBeDefined();
    if (id === undefined) continue;
    expect(isPublished(id, atMs + 290), `${id} 290 ms after ${atMs}`).toBe(true);
    if (id !== first) expect(isPublished(id, atMs - 190), `${id} 190 ms before ${atMs}`).toBe(true);
  }
  expect(new Set(signed.map(({ id }) => id)).size).toBeGreaterThan(8);
});
