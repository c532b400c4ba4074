import { action } from "../action.js";
import { ask, askAsAnybody } from "../api.js";
import { addToBasket } from "../basket.js";
import { h } from "../dom.js";
import { moment, money } from "../format.js";
import { follow } from "../follow.js";
import { lines, loading } from "../loading.js";
import { isUnderWay, standing, stepName } from "../order-status.js";
import { goTo, goToLogIn } from "../router.js";
import { currentSession } from "../session.js";
import { Trouble } from "../trouble.js";
import { nothingHere } from "./nothing.js";
import { shortId } from "./orders.js";

/**
 * @import { Item, Listing, Order, PlacedOrder, Product } from "../types.js"
 * @import { Visit, Page } from "../router.js"
 */

/** One order: where it stands, what became of it when; followed while more will happen to it. @param {Visit} visit @returns {Page} */
export function orderPage({ params: { id = "" }, signal }) {
  const title = `Order ${shortId(id)}`;
  if (currentSession() === null) {
    goToLogIn();
    return { title, element: h("div") };
  }
  const path = `/api/orders/${encodeURIComponent(id)}`;
  const load = () => /** @type {Promise<Order>} */ (ask(path, { signal }));
  const state = h("div", { role: "status" });
  const lost = h("p", { class: "note wait", role: "status" });
  const contents = h("div", {});
  /** @type {Order | undefined} */
  let known;

  /** @param {Order} order */
  const show = (order) => {
    const isNew = JSON.stringify(order) !== JSON.stringify(known);
    known = order;
    if (isNew) state.replaceChildren(standingCard(order), timeline(order), ...cancelling(order));
  };
  const following = async () => {
    for await (const update of follow({ load, isOver: (order) => !isUnderWay(order), signal })) {
      if (update.kind === "seen") {
        lost.textContent = "";
        show(update.value);
      } else if (update.trouble.status === 401) return goToLogIn("over");
      else
        lost.textContent =
          "We have lost sight of it for a moment, and go on looking. The order itself is not touched by that.";
    }
  };

  /** @param {Order} order */
  const cancelling = (order) => {
    if (order.canCancel !== true) return [];
    const does = action({
      label: "Yes, cancel it",
      busyLabel: "Cancelling…",
      part: "cancelling",
      look: "danger",
      work: async () => {
        const answer = /** @type {PlacedOrder} */ (await ask(`${path}/cancel`, { method: "POST" }));
        const isUndecided = answer.status === "pending";
        show(await load());
        void following();
        return isUndecided
          ? "It will be cancelled as soon as the payment is certain. This page follows it."
          : "";
      },
    });
    return [
      h(
        "details",
        { class: "card" },
        h("summary", {}, "Cancel this order"),
        h("p", {}, "Nothing will be sent, and whatever you paid is given back."),
        does.button,
        does.note,
      ),
    ];
  };

  const view = loading({
    part: "orders",
    shape: lines(6),
    load,
    render: (order) => {
      show(order);
      if (isUnderWay(order)) void following();
      if (order.items !== undefined) void showContents(contents, order, signal);
      return h("div", { class: "order" }, h("div", {}, lost, state), contents);
    },
    onTrouble: ({ status }) => {
      if (status === 404)
        return nothingHere(
          "There is no such order",
          "At least none of yours. Perhaps you are logged in as somebody else.",
        );
      if (status !== 401) return undefined;
      goToLogIn("over");
      return "";
    },
  });
  return {
    title,
    element: h(
      "div",
      {},
      h("p", {}, h("a", { href: "/orders" }, "‹ My orders")),
      h("h1", {}, "Order ", h("span", { class: "soft" }, `No. ${shortId(id)}`)),
      view.element,
    ),
    ready: view.ready,
  };
}

/** @param {Order} order */
function standingCard(order) {
  const { title, text, look } = standing(order);
  return h(
    "div",
    { class: `card standing ${look}` },
    h("h2", {}, title),
    h("p", {}, text),
    order.totalCents !== null && h("p", { class: "price big" }, money(order.totalCents)),
  );
}

/** @param {Order} order */
function timeline(order) {
  return h(
    "ol",
    { class: "timeline", "aria-label": "What became of it" },
    ...order.history.map(({ status, at }) =>
      h(
        "li",
        {},
        h("strong", {}, stepName(status)),
        h("time", { class: "soft small", datetime: at }, moment(at)),
      ),
    ),
    isUnderWay(order) && h("li", { class: "open" }, h("strong", {}, "Being worked on…")),
  );
}

/** What was ordered, by name where the shelves can be read. @param {HTMLElement} place @param {Order} order @param {AbortSignal} signal */
async function showContents(place, { items = [] }, signal) {
  /** @param {readonly Product[]} products */
  const show = (products) =>
    place.replaceChildren(
      h(
        "section",
        { class: "card" },
        h("h2", {}, "What is in it"),
        h(
          "ul",
          { class: "item-list" },
          ...items.map(({ productId, quantity }) => {
            const { name = productId } = products.find(({ id }) => id === productId) ?? {};
            const link = h("a", { href: `/products/${encodeURIComponent(productId)}` }, name);
            return h("li", {}, h("span", {}, `${quantity} × `, link));
          }),
        ),
        products.length > 0 && againButton(products, items),
      ),
    );
  show([]);
  const ids = items.map(({ productId }) => productId).join();
  try {
    const { products } = /** @type {Listing} */ (
      await askAsAnybody(`/api/products?${new URLSearchParams({ ids }).toString()}`, { signal })
    );
    show(products);
  } catch (error) {
    if (!signal.aborted && !(error instanceof Trouble)) throw error; // without the shelves it stays with the numbers
  }
}

/** @param {readonly Product[]} products @param {readonly Item[]} items */
function againButton(products, items) {
  const refill = () => {
    for (const { productId, quantity } of items) {
      const product = products.find(({ id }) => id === productId);
      if (product !== undefined) addToBasket(product, quantity);
    }
    goTo("/basket");
  };
  return h("button", { type: "button", class: "button quiet", onclick: refill }, "Put these into the basket");
}
