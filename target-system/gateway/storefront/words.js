import { duration } from "./format.js";

/**
 * What a customer is told when a part of the shop is down: which part, what it means for them, what is safe. Never a status,
 * never a stack.
 *
 * @import { Trouble } from "./trouble.js"
 * @typedef {"shelves" | "accounts" | "orders" | "cards" | "checkout" | "cancelling"} Part
 * @typedef {{readonly title: string, readonly text: string}} Words
 */

/** @type {Readonly<Record<Part, Words>>} */
const down = {
  shelves: {
    title: "The shelves can not be read right now",
    text: "Our catalogue is not answering. Your basket and your orders are safe.",
  },
  accounts: {
    title: "We can not reach your account right now",
    text: "The part of the shop that knows you is not answering. Your basket is kept, and you can go on looking around.",
  },
  orders: {
    title: "Your orders can not be read right now",
    text: "They are safe, and go on being worked on; only looking them up fails.",
  },
  cards: {
    title: "Your cards can not be read right now",
    text: "Our payment desk is not answering.",
  },
  checkout: {
    title: "We have not heard whether this order was placed",
    text: "Ask again: it is one and the same order, and it will not be placed or charged twice.",
  },
  cancelling: {
    title: "We have not heard whether this order was cancelled",
    text: "Ask again: it does no harm.",
  },
};

/** @type {Words} */
const unreached = {
  title: "We can not reach the shop",
  text: "Please check your connection. Your basket is kept on this device.",
};

/** @type {Words} */
export const wrong = {
  title: "Something went wrong",
  text: "That is our fault, not yours.",
};

/**
 * What the shop says no with, for a customer. Codes of its API that are not here are told by the page that knows them.
 * @type {Readonly<Record<string, string>>}
 */
const refusals = {
  "wrong-credentials": "The e-mail address or the password is wrong.",
  "email-taken": "This e-mail address has an account already. Log in instead?",
  "session-over": "Your session has ended. Please log in again; your basket is kept.",
  "not-logged-in": "Please log in first; your basket is kept.",
  "sms-needs-a-phone": "To be told by SMS we need your phone number.",
  "out-of-stock":
    "Something in your basket is sold out, or there are fewer left than you want. Nothing was ordered.",
  "product-not-found": "Something in your basket is no longer sold. Nothing was ordered.",
  "empty-basket": "There is nothing in your basket.",
  declined: "Your card was declined. You were not charged; please try another card.",
  "no-card": "There is no card to pay with. Please add one, then order.",
  "insufficient-funds": "Your bank says that there is not enough money on this card. You were not charged.",
  "too-late": "This order can not be cancelled any more.",
  "gave-up": "We could not finish this order in time, and stopped. Whatever was taken is given back.",
  "request-too-large": "That is more than we can take at once.",
};

/** @param {Trouble} trouble @param {Part} part @returns {Words} */
export function wordsFor(trouble, part) {
  switch (trouble.kind) {
    case "unreached":
      return part === "checkout" || part === "cancelling"
        ? { title: down[part].title, text: `Please check your connection. ${down[part].text}` }
        : unreached;
    case "down":
      return down[part];
    case "busy":
      return {
        title: "The shop is busy",
        text: `Please try again in ${duration(trouble.waitMs ?? 1_000)}.`,
      };
    case "refused":
      return refusal(trouble) ?? wrong;
  }
}

/** @param {Trouble} trouble @returns {Words | undefined} */
function refusal({ code, status }) {
  const text = refusals[code];
  if (text !== undefined) return { title: "", text };
  if (status === 404 || status === 405) return { title: "", text: "The shop can not do that yet." };
  if (status === 400) return { title: "", text: "Something in this form is not right. Please look it over." };
  return undefined;
}
