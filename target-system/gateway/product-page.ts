import type { CallAnswer, Callee } from "../service-kit/callee.ts";
import { HttpError } from "../service-kit/http-error.ts";
import type { Fallback } from "../service-kit/patterns/fallback.ts";

interface Product {
  readonly id: string;
  readonly name: string;
  readonly priceCents: number;
}

/** A product with what else may please. `degraded`: recommendations could not be had, which must not cost the page. */
export interface ProductPage {
  readonly product: unknown;
  readonly recommendations: readonly Product[];
  readonly degraded: boolean;
}

/** How long a page waits for what it can do without. */
const recommendationDeadlineMs = 300;

export async function productPage(
  catalog: Callee,
  recommendation: Callee,
  id: string,
  fallback: Fallback,
): Promise<ProductPage> {
  const [product, recommended] = await Promise.all([
    catalog.call({ method: "GET", path: `/products/${encodeURIComponent(id)}` }),
    fallback("recommendations", () => recommendedProducts(catalog, recommendation, id), undefined),
  ]);
  if (product.status === 404) throw new HttpError(404, "product-not-found", `there is no product ${id}`);
  if (product.status !== 200) throw new HttpError(503, "catalog-unavailable", "the catalog is not available");
  return { product: product.body, recommendations: recommended ?? [], degraded: recommended === undefined };
}

async function recommendedProducts(
  catalog: Callee,
  recommendation: Callee,
  id: string,
): Promise<readonly Product[]> {
  const recommended = await recommendation.call({
    method: "GET",
    path: `/recommendations?productId=${encodeURIComponent(id)}&limit=4`,
    deadlineMs: recommendationDeadlineMs,
  });
  if (recommended.status !== 200) throw failed("recommendation", recommended);
  const ids = (recommended.body as { readonly products: readonly string[] }).products;
  if (ids.length === 0) return [];
  const products = await catalog.call({
    method: "GET",
    path: `/products?ids=${ids.map(encodeURIComponent).join(",")}`,
  });
  if (products.status !== 200) throw failed("catalog", products);
  return (products.body as { readonly products: readonly Product[] }).products.map(
    ({ id, name, priceCents }) => ({
      id,
      name,
      priceCents,
    }),
  );
}

function failed(service: string, { status }: CallAnswer): HttpError {
  return new HttpError(502, "bad-gateway", `${service} answered ${status}`);
}
