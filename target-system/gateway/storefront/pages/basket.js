import { askAsAnybody } from "../api.js";
import { basket, itemsOf, onBasketChange, rememberProducts, setQuantity } from "../basket.js";
import { h } from "../dom.js";
import { count, money } from "../format.js";
import { pictureOf } from "../picture.js";
import { quietNote } from "../product-card.js";
import { quantityField } from "../quantity.js";
import { currentSession } from "../session.js";
import { Trouble } from "../trouble.js";

/**
 * @import { Listing } from "../types.js"
 * @import { Line } from "../basket.js"
 * @import { Visit, Page } from "../router.js"
 */

/** What is in the basket. It is kept here, so it is shown whatever is down. @param {Visit} visit @returns {Page} */
export function basketPage({ signal }) {
  const heading = h("h1", { tabindex: -1 }, "Your basket");
  const body = h("div", {});
  const note = h("div", { role: "status" });
  const ids = () =>
    basket()
      .lines.map(({ productId }) => productId)
      .join();
  let shown = "";
  const show = () => {
    if (signal.aborted) return;
    // Quantities change in place: a field that is being typed in must stay.
    if (shown === ids() && shown !== "") return updateSums(body);
    shown = ids();
    const hadFocus = body.contains(document.activeElement);
    body.replaceChildren(...(basket().lines.length === 0 ? [emptyBasket()] : [filledBasket()]));
    if (hadFocus) heading.focus();
  };
  const refresh = async () => {
    const asked = ids();
    if (asked === "") return;
    try {
      const { products } = /** @type {Listing} */ (
        await askAsAnybody(`/api/products?${new URLSearchParams({ ids: asked }).toString()}`, { signal })
      );
      rememberProducts(products);
      shown = "";
      show();
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Trouble)) throw error;
      note.replaceChildren(
        quietNote("The shelves can not be read right now: names and prices are as you saw them last."),
      );
    }
  };
  onBasketChange(() => {
    const isNew = shown !== ids();
    show();
    if (isNew && basket().lines.some(({ name }) => name === undefined)) void refresh();
  }, signal);
  show();
  return {
    title: "Basket",
    element: h("div", {}, heading, note, body),
    ready: refresh(),
  };
}

function emptyBasket() {
  return h(
    "div",
    { class: "card empty" },
    h("h2", {}, "It is empty"),
    h("p", {}, "The shelves are not."),
    h("a", { class: "button", href: "/" }, "Look around"),
  );
}

function filledBasket() {
  return h(
    "div",
    { class: "two" },
    h("ul", { class: "lines" }, ...basket().lines.map(lineOf)),
    h(
      "aside",
      { class: "card sum" },
      h("h2", {}, "Together"),
      h("dl", { class: "sums" }, h("dt", {}, "Sum"), h("dd", { class: "sum-all" }, sumText(basket().lines))),
      h("p", { class: "soft small" }, "The price counts that the shelves have when you order."),
      h("a", { class: "button wide", href: "/checkout" }, "Go to checkout"),
      currentSession() === null &&
        h("p", { class: "soft small" }, "You will be asked to log in. Your basket comes with you."),
    ),
  );
}

/** @param {Line} line */
function lineOf(line) {
  const { productId, quantity, name = productId, priceCents } = line;
  const amount = quantityField({
    label: `How many of ${name}`,
    isLabelHidden: true,
    value: quantity,
    onChange: (next) => setQuantity(productId, next),
  });
  return h(
    "li",
    { class: "line", "data-product": productId },
    h(
      "a",
      { href: `/products/${encodeURIComponent(productId)}`, tabindex: -1, "aria-hidden": "true" },
      pictureOf({ ...line, name }),
    ),
    h(
      "div",
      { class: "line-words" },
      h("a", { href: `/products/${encodeURIComponent(productId)}` }, name),
      h("span", { class: "soft small" }, priceCents === undefined ? "" : `${money(priceCents)} each`),
    ),
    amount.element,
    h("span", { class: "price line-sum" }, lineSum(line)),
    h(
      "button",
      {
        type: "button",
        class: "link",
        "aria-label": `Take ${name} out`,
        onclick: () => setQuantity(productId, 0),
      },
      "Remove",
    ),
  );
}

/** @param {Line} line */
function lineSum({ quantity, priceCents }) {
  return priceCents === undefined ? "" : money(quantity * priceCents);
}

/** @param {readonly Line[]} lines */
export function sumText(lines) {
  const isKnown = lines.every(({ priceCents }) => priceCents !== undefined);
  if (!isKnown) return count(itemsOf(lines).length, "product");
  return money(lines.reduce((sum, { quantity, priceCents = 0 }) => sum + quantity * priceCents, 0));
}

/** @param {HTMLElement} body */
function updateSums(body) {
  const { lines } = basket();
  for (const line of lines) {
    const row = [...body.querySelectorAll(".line")].find(
      (element) => element instanceof HTMLElement && element.dataset["product"] === line.productId,
    );
    const sum = row?.querySelector(".line-sum");
    const input = row?.querySelector("input");
    if (sum) sum.textContent = lineSum(line);
    if (input && input !== document.activeElement) input.value = String(line.quantity);
  }
  const all = body.querySelector(".sum-all");
  if (all) all.textContent = sumText(lines);
}
