import { z } from "zod";
import type { Callee } from "../service-kit/callee.ts";
import { routeOf, type CallPath } from "../service-kit/call-path.ts";
import type { Fallback } from "../service-kit/patterns/fallback.ts";

const productSchema = z.object({
  id: z.string(),
  name: z.string(),
  category: z.string(),
  priceCents: z.number(),
  available: z.number(),
});
const listingSchema = z.object({ products: z.array(productSchema) });
const recommendationsSchema = z.object({ products: z.array(z.string()), source: z.string() });
const profileSchema = z.object({ favouriteCategories: z.array(z.string()) });

export type Product = z.output<typeof productSchema>;

export interface Recommended {
  readonly products: readonly Product[];
  /** How they were found: "bought-together", "preferences" or "popular". */
  readonly source: string;
}

export interface RecommendationQuery {
  readonly productId?: string;
  readonly userId?: string;
  readonly categories?: readonly string[];
  readonly limit: number;
}

/** How long a page waits for what it can do without. */
const deadlineMs = 300;

/** What the recommendation service names, as the catalog has it. @throws when either does not answer */
export async function recommendedProducts(
  catalog: Callee,
  recommendation: Callee,
  { productId, userId, categories = [], limit }: RecommendationQuery,
): Promise<Recommended> {
  const query = new URLSearchParams({ limit: String(limit) });
  if (productId !== undefined) query.set("productId", productId);
  for (const category of categories) query.append("category", category);
  const { products: ids, source } = recommendationsSchema.parse(
    await answerOf(recommendation, { path: `/recommendations?${query.toString()}` }, userId),
  );
  const products =
    ids.length === 0
      ? []
      : await listingOf(catalog, `/products?ids=${ids.map(encodeURIComponent).join(",")}`);
  return { products, source };
}

export interface ForYou extends Recommended {
  /** Something could not be had: these are not chosen for this user, or not with all that is known of them. */
  readonly degraded: boolean;
}

/**
 * What a user may like, or anybody where there is no user. Without their profile it goes by what they bought; without the
 * recommendation service it is what sells best.
 */
export async function productsForYou(
  {
    catalog,
    recommendation,
    user,
  }: { readonly catalog: Callee; readonly recommendation: Callee; readonly user: Callee },
  userId: string | undefined,
  limit: number,
  fallback: Fallback,
): Promise<ForYou> {
  const profile =
    userId === undefined
      ? "nobody"
      : await fallback("profile", async () => profileSchema.parse(await profileOf(user, userId)), undefined);
  const recommended = await fallback(
    "recommendations",
    () =>
      recommendedProducts(catalog, recommendation, {
        ...(userId !== undefined && { userId }),
        ...(typeof profile === "object" && { categories: profile.favouriteCategories }),
        limit,
      }),
    undefined,
  );
  const { products, source } = recommended ?? {
    products: await listingOf(catalog, `/products?sort=popularity&limit=${limit}`),
    source: "popular",
  };
  return { products, source, degraded: profile === undefined || recommended === undefined };
}

function profileOf(user: Callee, userId: string): Promise<unknown> {
  return answerOf(user, { path: "/users/:id/profile", params: { id: userId } }, userId);
}

async function listingOf(catalog: Callee, path: string): Promise<readonly Product[]> {
  const { status, body } = await catalog.call({ method: "GET", path });
  if (status !== 200) throw new Error(`catalog answered ${status}`);
  return listingSchema.parse(body).products;
}

async function answerOf(callee: Callee, path: CallPath, userId?: string): Promise<unknown> {
  const onBehalfOf = userId === undefined ? {} : { onBehalfOf: userId };
  const { status, body } = await callee.call({ method: "GET", ...path, deadlineMs, ...onBehalfOf });
  if (status !== 200) throw new Error(`${routeOf(path)} was answered with ${status}`);
  return body;
}
