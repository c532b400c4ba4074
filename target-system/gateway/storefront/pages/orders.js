import { ask } from "../api.js";
import { h } from "../dom.js";
import { day, money } from "../format.js";
import { lines, loading } from "../loading.js";
import { statusTag } from "../order-status.js";
import { pager } from "../pager.js";
import { goToLogIn } from "../router.js";
import { currentSession } from "../session.js";

/**
 * @import { Orders, OrderSummary } from "../types.js"
 * @import { Visit, Page } from "../router.js"
 */

/** As the order service has it. */
const pageSize = 20;

/** @param {Visit} visit @returns {Page} */
export function ordersPage({ query, signal }) {
  const title = "My orders";
  if (currentSession() === null) {
    goToLogIn();
    return { title, element: h("div") };
  }
  const page = Math.max(1, Number.parseInt(query.get("page") ?? "1", 10) || 1);
  const view = loading({
    part: "orders",
    shape: lines(6),
    load: () => /** @type {Promise<Orders>} */ (ask(`/api/orders?page=${page}`, { signal })),
    render: ({ orders, total }) => {
      if (orders.length === 0 && page === 1) return noOrders();
      const pages =
        total === undefined ? page + (orders.length === pageSize ? 1 : 0) : Math.ceil(total / pageSize);
      return [
        h("ul", { class: "orders" }, ...orders.map(orderLine)),
        pager({ page, pages, hrefOf: (number) => `/orders?page=${number}` }),
      ];
    },
    onTrouble: ({ status }) => {
      if (status !== 401) return undefined;
      goToLogIn("over");
      return h("p", {}, "…");
    },
  });
  return { title, element: h("div", {}, h("h1", {}, title), view.element), ready: view.ready };
}

/** @param {OrderSummary} order */
function orderLine({ orderId, status, totalCents, createdAt }) {
  return h(
    "li",
    {},
    h(
      "a",
      { class: "order-line", href: `/orders/${encodeURIComponent(orderId)}` },
      h(
        "span",
        { class: "order-when" },
        day(createdAt),
        h("span", { class: "soft small" }, `No. ${shortId(orderId)}`),
      ),
      statusTag(status),
      h("span", { class: "price" }, totalCents === null ? "" : money(totalCents)),
    ),
  );
}

function noOrders() {
  return h(
    "div",
    { class: "card empty" },
    h("h2", {}, "You have not ordered anything yet"),
    h("a", { class: "button", href: "/" }, "Look around"),
  );
}

/** Enough to tell one's orders apart. @param {string} orderId */
export function shortId(orderId) {
  return orderId.slice(0, 8);
}
