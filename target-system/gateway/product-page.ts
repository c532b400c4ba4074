import type { Callee } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";
import type { Fallback } from "../service-kit/patterns/fallback.ts";
import { recommendedProducts, type Product } from "./recommended.ts";

/** A product with what else may please. `degraded`: recommendations could not be had, which must not cost the page. */
export interface ProductPage {
  readonly product: unknown;
  readonly recommendations: readonly Product[];
  readonly degraded: boolean;
}

export async function productPage(
  catalog: Callee,
  recommendation: Callee,
  id: string,
  fallback: Fallback,
): Promise<ProductPage> {
  const [product, recommended] = await Promise.all([
    catalog.call({ method: "GET", path: "/products/:id", params: { id } }),
    fallback(
      "recommendations",
      () => recommendedProducts(catalog, recommendation, { productId: id, limit: 4 }),
      undefined,
    ),
  ]);
  if (product.status === 404) throw new HttpError(404, "product-not-found", `there is no product ${id}`);
  if (product.status !== 200) throw new HttpError(503, "catalog-unavailable", "the catalog is not available");
  return {
    product: product.body,
    recommendations: recommended?.products ?? [],
    degraded: recommended === undefined,
  };
}
