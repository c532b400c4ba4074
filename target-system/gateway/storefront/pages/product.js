import { askAsAnybody } from "../api.js";
import { announce } from "../announce.js";
import { addToBasket } from "../basket.js";
import { h } from "../dom.js";
import { capitalized, money } from "../format.js";
import { lines, loading } from "../loading.js";
import { pictureOf } from "../picture.js";
import { quietNote, suggestions } from "../product-card.js";
import { quantityField } from "../quantity.js";
import { nothingHere } from "./nothing.js";

/**
 * @import { Product, ProductPage } from "../types.js"
 * @import { Visit, Page } from "../router.js"
 */

/** Fewer than these are worth a word. */
const fewLeft = 10;

/** One product, and what else may please. @param {Visit} visit @returns {Page} */
export function productPage({ params: { id = "" }, signal }) {
  const view = loading({
    part: "shelves",
    shape: h("div", { class: "product-page" }, h("div", { class: "picture" }), lines(5)),
    load: () =>
      /** @type {Promise<ProductPage>} */ (
        askAsAnybody(`/api/products/${encodeURIComponent(id)}`, { signal })
      ),
    render: ({ product, recommendations, degraded }) => {
      document.title = `${product.name} · Fairweather`;
      return [
        details(product),
        recommendations.length > 0 && suggestions("Goes well with it", recommendations),
        degraded &&
          quietNote(
            "We usually suggest what goes well with this. Suggestions are taking a break; all else works.",
          ),
      ];
    },
    onTrouble: ({ status }) =>
      status === 404
        ? nothingHere(
            "There is no such product",
            "It may have been sold for the last time. The shelves are full of others.",
          )
        : undefined,
  });
  return { title: "Product", element: view.element, ready: view.ready };
}

/** @param {Product} product */
function details(product) {
  const { name, category, priceCents, description, available = 1 } = product;
  const quantity = quantityField({ label: "How many", value: 1, most: Math.min(available, 99) });
  return h(
    "article",
    { class: "product-page" },
    pictureOf(product),
    h(
      "div",
      { class: "product-words" },
      category !== undefined &&
        h(
          "a",
          { class: "small", href: `/?${new URLSearchParams({ category }).toString()}` },
          capitalized(category),
        ),
      h("h1", { tabindex: -1 }, name),
      h("p", { class: "price big" }, money(priceCents)),
      description !== undefined && h("p", {}, description),
      h("p", { class: "stock" }, stockOf(available)),
      available > 0 &&
        h(
          "form",
          {
            class: "buy",
            onsubmit: (/** @type {Event} */ event) => {
              event.preventDefault();
              const n = quantity.value();
              addToBasket(product, n);
              announce(n === 1 ? `${name} is in your basket.` : `${n} of ${name} are in your basket.`);
            },
          },
          quantity.element,
          h("button", { class: "button", type: "submit" }, "Add to basket"),
        ),
      h("p", {}, h("a", { href: "/basket" }, "Go to your basket")),
    ),
  );
}

/** @param {number} available */
function stockOf(available) {
  if (available === 0) return h("span", { class: "tag bad" }, "Sold out");
  if (available < fewLeft) return h("span", { class: "tag wait" }, `Only ${available} left`);
  return h("span", { class: "tag good" }, "In stock");
}
