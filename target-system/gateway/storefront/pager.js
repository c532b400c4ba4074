import { h } from "./dom.js";

/**
 * Links to the other pages of a listing: the first, the last, and those around this one. Nothing where there is one alone.
 * @param {{page: number, pages: number, hrefOf: (page: number) => string}} options
 */
export function pager({ page, pages, hrefOf }) {
  if (pages < 2) return null;
  const numbers = Array.from({ length: pages }, (_, index) => index + 1).filter(
    (number) => number === 1 || number === pages || Math.abs(number - page) <= 1,
  );
  return h(
    "nav",
    { class: "pager", "aria-label": "Pages" },
    h(
      "ul",
      {},
      page > 1 && h("li", {}, h("a", { href: hrefOf(page - 1), rel: "prev" }, "‹ Back")),
      ...numbers.flatMap((number, index) => [
        index > 0 &&
          number - (numbers[index - 1] ?? 0) > 1 &&
          h("li", { class: "gap", "aria-hidden": "true" }, "…"),
        h(
          "li",
          {},
          h(
            "a",
            {
              href: hrefOf(number),
              "aria-label": `Page ${number}`,
              ...(number === page && { "aria-current": "page" }),
            },
            number,
          ),
        ),
      ]),
      page < pages && h("li", {}, h("a", { href: hrefOf(page + 1), rel: "next" }, "Next ›")),
    ),
  );
}
