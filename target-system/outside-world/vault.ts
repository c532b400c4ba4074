import { createHmac, randomBytes } from "node:crypto";
import { Refusal } from "./refusal.ts";

/**
 * Takes a card's number in and gives a token out, by which the card is charged from then on. Like every gateway's test
 * mode it takes test cards alone, so that nobody's real number gets in; how a card behaves is known by its number.
 */
export type CardKind = "good" | "declined" | "insufficient-funds" | "late";

const testCards: ReadonlyMap<string, CardKind> = new Map([
  ["4242424242424242", "good"],
  ["5555555555554444", "good"],
  ["4000000000000002", "declined"],
  ["4000000000009995", "insufficient-funds"],
  ["4000000000000341", "late"],
]);

/** Tokens that every vault knows from the start: the first card of each of the shop's first shoppers. */
const firstTokens: ReadonlySet<string> = new Set(
  Array.from({ length: 50 }, (_, index) => `tok-user-${String(index + 1).padStart(3, "0")}`),
);

export class Vault {
  readonly #prefix: string;
  readonly #secret = randomBytes(32);

  /** @param prefix what this gateway's tokens begin with: those of another are unknown to it */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /**
   * The same token for the same card, as long as the process lives. The token says how the card behaves, so that one which
   * was given out is good after a restart, too; the number itself is not kept.
   * @param expiry of any form; a renewed card is another card
   * @throws {Refusal} card-unknown
   */
  tokenize(number: string, expiry: string): string {
    const kind = testCards.get(number);
    if (kind === undefined) throw new Refusal("card-unknown", "only test cards are taken here");
    const digest = createHmac("sha256", this.#secret).update(`${number}/${expiry}`).digest("hex");
    return `${this.#prefix}-${kind}-${digest.slice(0, 32)}`;
  }

  /** @throws {Refusal} token-unknown */
  kindOf(token: string): CardKind {
    if (firstTokens.has(token)) return "good";
    for (const kind of testCards.values())
      if (token.startsWith(`${this.#prefix}-${kind}-`) && /-[0-9a-f]{32}$/.test(token)) return kind;
    throw new Refusal("token-unknown", "this vault holds no card of this token");
  }
}
