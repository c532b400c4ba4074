import { ask, askAsAnybody } from "../api.js";
import { h } from "../dom.js";
import { capitalized, count } from "../format.js";
import { loading } from "../loading.js";
import { pager } from "../pager.js";
import { gridShape, productGrid, quietNote, suggestions } from "../product-card.js";
import { goTo } from "../router.js";

/**
 * @import { Category, Listing, Recommended } from "../types.js"
 * @import { Visit, Page } from "../router.js"
 */

const pageSize = 24;
/** As catalog names them. */
const sorts = [
  ["newest", "Newest first"],
  ["popularity", "Most bought first"],
  ["price", "Price, low to high"],
  ["price-desc", "Price, high to low"],
  ["name", "Name"],
];

/** The shelves: all of them, or one category. @param {Visit} visit @returns {Page} */
export function listingPage({ query, signal }) {
  const category = query.get("category") ?? undefined;
  const sort = query.get("sort") ?? "newest";
  const page = Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
  const isHome = category === undefined && page === 1 && !query.has("sort");

  const shelves = loading({
    part: "shelves",
    shape: gridShape(8),
    load: async () => {
      const asked = new URLSearchParams({ sort, page: String(page), limit: String(pageSize) });
      if (category !== undefined) asked.set("category", category);
      const [categories, listing] = await Promise.all([
        categoriesNow(signal),
        /** @type {Promise<Listing>} */ (askAsAnybody(`/api/products?${asked.toString()}`, { signal })),
      ]);
      return { categories, listing };
    },
    render: ({ categories, listing }) => [
      chips(categories, category),
      h(
        "div",
        { class: "shelf-head" },
        h("p", { class: "soft" }, count(listing.total, "product")),
        sortChoice(sort, (chosen) => goTo(hrefOf({ category, sort: chosen, page: 1 }))),
      ),
      listing.products.length === 0
        ? h("p", { class: "card" }, "There is nothing on this page of the shelf.")
        : productGrid(listing.products),
      pager({
        page,
        pages: Math.ceil(listing.total / pageSize),
        hrefOf: (number) => hrefOf({ category, sort, page: number }),
      }),
    ],
  });

  const title = category === undefined ? "" : capitalized(category);
  const element = h(
    "div",
    {},
    isHome ? [hero(), forYou(signal)] : h("h1", {}, title === "" ? "All products" : title),
    h("section", { class: "shelves" }, isHome && h("h2", {}, "All products"), shelves.element),
  );
  return { title, element, ready: shelves.ready };
}

function hero() {
  return h(
    "div",
    { class: "hero" },
    h("h1", {}, "Good things, whatever the weather"),
    h(
      "p",
      {},
      "Lamps, tents, guitars and a hammer or two. Honest prices, and honest words when something is not working.",
    ),
  );
}

/** Nothing that the page depends on. @param {AbortSignal} signal */
function forYou(signal) {
  return loading({
    part: "shelves",
    shape: [h("h2", {}, "Popular now"), gridShape(4)],
    load: () => /** @type {Promise<Recommended>} */ (ask("/api/recommendations?limit=4", { signal })),
    render: ({ products, source, degraded }) => [
      products.length > 0 && suggestions(source === "popular" ? "Popular now" : "Chosen for you", products),
      degraded && quietNote("Our own suggestions are taking a break. This is what sells best."),
    ],
    onTrouble: () => quietNote("Suggestions are taking a break."),
  }).element;
}

/** @type {{readonly at: number, readonly categories: readonly Category[]} | undefined} */
let known;
const categoriesKeptMs = 5 * 60_000;

/** They seldom change: asked for now and then. @param {AbortSignal} signal @returns {Promise<readonly Category[]>} */
async function categoriesNow(signal) {
  if (known !== undefined && Date.now() - known.at < categoriesKeptMs) return known.categories;
  const { categories } = /** @type {{categories: readonly Category[]}} */ (
    await askAsAnybody("/api/categories", { signal })
  );
  known = { at: Date.now(), categories };
  return categories;
}

/** @param {readonly Category[]} categories @param {string | undefined} chosen */
function chips(categories, chosen) {
  /** @param {string} label @param {string} href @param {boolean} isChosen */
  const chip = (label, href, isChosen) =>
    h("li", {}, h("a", { class: "chip", href, ...(isChosen && { "aria-current": "page" }) }, label));
  return h(
    "nav",
    { "aria-label": "Categories", class: "chips" },
    h(
      "ul",
      {},
      chip("All", "/", chosen === undefined),
      ...categories.map(({ name }) => chip(capitalized(name), hrefOf({ category: name }), name === chosen)),
    ),
  );
}

/** @param {string} sort @param {(sort: string) => void} onChoice */
function sortChoice(sort, onChoice) {
  const select = h(
    "select",
    { id: "sort" },
    ...sorts.map(([value, label]) => h("option", { value, selected: value === sort }, label)),
  );
  select.addEventListener("change", () => onChoice(select.value));
  return h("div", { class: "sort" }, h("label", { for: "sort" }, "Sort"), select);
}

/** @param {{category?: string | undefined, sort?: string, page?: number}} of */
function hrefOf({ category, sort = "newest", page = 1 }) {
  const query = new URLSearchParams();
  if (category !== undefined) query.set("category", category);
  if (sort !== "newest") query.set("sort", sort);
  if (page > 1) query.set("page", String(page));
  const text = query.toString();
  return text === "" ? "/" : `/?${text}`;
}
