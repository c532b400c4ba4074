import { h } from "./dom.js";

/** @import { Order, OrderStatus } from "./types.js" */

/** @type {Readonly<Record<string, {readonly word: string, readonly look: string}>>} */
const tags = {
  pending: { word: "Being confirmed", look: "wait" },
  confirmed: { word: "Confirmed", look: "good" },
  declined: { word: "Declined", look: "bad" },
  cancelled: { word: "Cancelled", look: "" },
};

/** @param {OrderStatus} status */
export function statusTag(status) {
  const { word, look } = tags[status] ?? { word: status, look: "" };
  return h("span", { class: `tag ${look}` }, word);
}

/** @type {Readonly<Record<string, string>>} */
const steps = {
  pending: "Placed",
  confirmed: "Paid and confirmed",
  declined: "Card declined",
  cancelled: "Cancelled",
  refunded: "Money given back",
};

/** What a step of an order's history is called. @param {string} status */
export function stepName(status) {
  return steps[status] ?? status;
}

/** Whether more will happen to it by itself: then it is worth following. @param {Order} order */
export function isUnderWay(order) {
  return order.status === "pending" || isRefundOpen(order);
}

/** It was paid, is cancelled, and the money is not back yet. @param {Order} order */
export function isRefundOpen({ status, history }) {
  const has = (/** @type {string} */ step) => history.some((entry) => entry.status === step);
  return status === "cancelled" && has("confirmed") && !has("refunded");
}

/** What it means for the customer. @param {Order} order @returns {{title: string, text: string, look: string}} */
export function standing(order) {
  switch (order.status) {
    case "pending":
      return {
        title: "Your payment is being confirmed",
        text: "We will not charge you twice. This page follows it: you need not do anything.",
        look: "wait",
      };
    case "confirmed":
      return { title: "Confirmed. Thank you!", text: "It is paid, once, and yours.", look: "good" };
    case "declined":
      return {
        title: "Your card was declined",
        text: `${declines[order.reason ?? ""] ?? "You were not charged, and nothing was ordered."} You can order again with another card.`,
        look: "bad",
      };
    case "cancelled":
      return { title: "Cancelled", text: cancelledText(order), look: "" };
  }
}

/** @type {Readonly<Record<string, string>>} */
const declines = {
  "no-card": "There was no card to pay with. You were not charged.",
  "insufficient-funds": "Your bank says that there is not enough money on this card. You were not charged.",
};

/** @param {Order} order */
function cancelledText(order) {
  if (isRefundOpen(order)) return "Your money is on its way back. This page follows it.";
  if (order.history.some(({ status }) => status === "refunded")) return "Your money was given back.";
  if (order.reason === "out-of-stock") return "Something in it was sold out. You were not charged.";
  if (order.reason === "gave-up")
    return "We could not finish it in time, and stopped. Whatever was taken is given back.";
  return "You were not charged.";
}
