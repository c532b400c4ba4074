import type { RecommendationQuery, Recommendations } from "./recommendations.ts";

/** `stale`: as it was when the database last answered. */
export type StaleRecommendations = Recommendations & { readonly stale: true };

const keptAtMost = 1_000;

/**
 * What was answered last, for when the database does not answer: the same question's answer, or else what was popular.
 * Answers for one user are not kept; that user gets what anybody would.
 */
export class LastAnswers {
  /** Oldest first. */
  readonly #answers = new Map<string, Recommendations>();
  #popular: readonly string[] = [];

  keep(query: RecommendationQuery, answer: Recommendations): void {
    if (query.userId !== undefined) return;
    const key = keyOf(query);
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size > keptAtMost && oldest !== undefined) this.#answers.delete(oldest);
  }

  keepPopular(products: readonly string[]): void {
    this.#popular = products;
  }

  /** `undefined` when nothing was ever answered. */
  for(query: RecommendationQuery): StaleRecommendations | undefined {
    const answer = this.#answers.get(keyOf(query));
    if (answer !== undefined) return { ...answer, stale: true };
    const products = this.#popular.filter((id) => id !== query.productId).slice(0, query.limit);
    return products.length === 0 ? undefined : { products, source: "popular", stale: true };
  }
}

function keyOf({ productId, category = [], limit }: RecommendationQuery): string {
  return JSON.stringify([productId, category, limit]);
}
