/**
 * When the keys that sign access tokens follow each other:
 *
 *   published ──────▶ signs ─────────────▶ is kept ─────────────▶ deleted
 *             ahead         signsFor (the next one signs)   as long as its tokens live
 *
 * Whoever verifies has a key before the first token that it signed, and until the last one has expired.
 */
export interface KeyTimes {
  readonly id: string;
  readonly signsFromMs: number;
  /** Not known before there is a next key. */
  readonly retiresAtMs: number | undefined;
}

export interface KeyPolicy {
  readonly signsForMs: number;
  readonly publishedAheadMs: number;
  readonly keptForMs: number;
}

export type KeyChange =
  | { readonly kind: "add"; readonly signsFromMs: number }
  | { readonly kind: "retire"; readonly id: string; readonly atMs: number }
  | { readonly kind: "delete"; readonly id: string };

/** The key that signs now: the newest whose time has come. */
export function signingKey<K extends KeyTimes>(keys: readonly K[], nowMs: number): K | undefined {
  return keys
    .filter(({ signsFromMs }) => signsFromMs <= nowMs)
    .reduce<K | undefined>(
      (newest, key) => (newest === undefined || key.signsFromMs > newest.signsFromMs ? key : newest),
      undefined,
    );
}

/** What is to be done about the keys now; nothing, most of the time. All times are epoch milliseconds. */
export function planKeys(keys: readonly KeyTimes[], nowMs: number, policy: KeyPolicy): KeyChange[] {
  const current = signingKey(keys, nowMs);
  if (current === undefined) return [{ kind: "add", signsFromMs: nowMs }];
  const over = keys.filter(({ retiresAtMs }) => retiresAtMs !== undefined && retiresAtMs <= nowMs);
  const changes: KeyChange[] = over.map(({ id }) => ({ kind: "delete", id }));
  const hasNext = keys.some(({ signsFromMs }) => signsFromMs > nowMs);
  const followedAtMs = current.signsFromMs + policy.signsForMs;
  if (!hasNext && followedAtMs - policy.publishedAheadMs <= nowMs) {
    // Later than planned when nobody was there to plan it: a key is never signed with before it could be seen.
    const signsFromMs = Math.max(followedAtMs, nowMs + policy.publishedAheadMs);
    changes.push(
      { kind: "add", signsFromMs },
      { kind: "retire", id: current.id, atMs: signsFromMs + policy.keptForMs },
    );
  }
  return changes;
}
