import { addToBasket } from "./basket.js";
import { h } from "./dom.js";
import { capitalized, money } from "./format.js";
import { pictureOf } from "./picture.js";
import { announce } from "./announce.js";

/** @import { Product } from "./types.js" */

/** @param {Product} product */
export function productCard(product) {
  const { id, name, category, priceCents, available = 1 } = product;
  return h(
    "li",
    { class: "product" },
    h(
      "a",
      { href: `/products/${encodeURIComponent(id)}`, class: "product-link" },
      pictureOf(product),
      h("span", { class: "product-name" }, name),
      category !== undefined && h("span", { class: "soft small" }, capitalized(category)),
    ),
    h(
      "div",
      { class: "product-end" },
      h("span", { class: "price" }, money(priceCents)),
      available > 0
        ? h(
            "button",
            {
              type: "button",
              class: "button small quiet",
              "aria-label": `Add ${name} to the basket`,
              onclick: () => {
                addToBasket(product, 1);
                announce(`${name} is in your basket.`);
              },
            },
            "Add",
          )
        : h("span", { class: "soft small" }, "Sold out"),
    ),
  );
}

/** @param {readonly Product[]} products */
export function productGrid(products) {
  return h("ul", { class: "grid" }, ...products.map(productCard));
}

/** Where products will be. @param {number} n */
export function gridShape(n) {
  return h(
    "ul",
    { class: "grid shape-grid", "aria-hidden": "true" },
    ...Array.from({ length: n }, () => h("li", { class: "product" }, h("div", { class: "picture" }))),
  );
}

/** What else may please: nothing that a page depends on. @param {string} title @param {readonly Product[]} products */
export function suggestions(title, products) {
  return h("section", { class: "suggestions" }, h("h2", {}, title), productGrid(products));
}

/** @param {string} text */
export function quietNote(text) {
  return h("p", { class: "quiet-note", role: "note" }, text);
}
