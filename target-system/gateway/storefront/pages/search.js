import { askAsAnybody } from "../api.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { loading } from "../loading.js";
import { gridShape, productGrid } from "../product-card.js";

/**
 * @import { Listing } from "../types.js"
 * @import { Visit, Page } from "../router.js"
 */

const pageSize = 24;

/** What was found. @param {Visit} visit @returns {Page} */
export function searchPage({ query, signal }) {
  const text = query.get("q")?.trim() ?? "";
  const page = Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
  const field = document.querySelector("#q");
  if (field instanceof HTMLInputElement) field.value = text;
  const title = text === "" ? "Search" : `Search: ${text}`;
  if (text === "")
    return {
      title,
      element: h(
        "div",
        {},
        h("h1", {}, "What are you looking for?"),
        h("p", {}, "Write it into the field above."),
      ),
    };
  /** @param {number} number */
  const hrefOf = (number) => `/search?${new URLSearchParams({ q: text, page: String(number) }).toString()}`;
  const found = loading({
    part: "shelves",
    shape: gridShape(8),
    load: () => {
      const asked = new URLSearchParams({ q: text, page: String(page), limit: String(pageSize) });
      return /** @type {Promise<Listing>} */ (askAsAnybody(`/api/search?${asked.toString()}`, { signal }));
    },
    render: ({ products }) =>
      products.length === 0 && page === 1
        ? nothingFound(text)
        : [
            h("p", { class: "soft", role: "status" }, told(products.length, page)),
            productGrid(products),
            h(
              "nav",
              { class: "pager", "aria-label": "Pages" },
              h(
                "ul",
                {},
                page > 1 && h("li", {}, h("a", { href: hrefOf(page - 1), rel: "prev" }, "‹ Back")),
                // The search does not say how many there are: a full page may be the last.
                products.length === pageSize &&
                  h("li", {}, h("a", { href: hrefOf(page + 1), rel: "next" }, "More ›")),
              ),
            ),
          ],
  });
  return {
    title,
    element: h("div", {}, h("h1", {}, "Search: ", h("q", {}, text)), found.element),
    ready: found.ready,
  };
}

/** @param {number} n @param {number} page */
function told(n, page) {
  if (n === 0) return "There is nothing more.";
  const more = n === pageSize ? ", best match first" : "";
  return page === 1
    ? `${count(n, "product")}${n === pageSize ? " and perhaps more" : ""}${more}`
    : `Page ${page}`;
}

/** @param {string} text */
function nothingFound(text) {
  return h(
    "div",
    { class: "card empty", role: "status" },
    h("h2", {}, "Nothing found for ", h("q", {}, text)),
    h("p", {}, "Try fewer words, or other ones: red, steel, lamp, garden…"),
    h("a", { class: "button quiet", href: "/" }, "Look at all shelves"),
  );
}
