import { action, form } from "./action.js";
import { ask } from "./api.js";
import { h } from "./dom.js";
import { field } from "./field.js";
import { capitalized } from "./format.js";

/** @import { Card } from "./types.js" */

/** @param {AbortSignal} signal @returns {Promise<readonly Card[]>} */
export async function cardsNow(signal) {
  return /** @type {{cards: readonly Card[]}} */ (await ask("/api/cards", { signal })).cards;
}

/** @param {Card} card */
export function cardName({ brand, last4, expiry }) {
  return `${capitalized(brand)} ending in ${last4}, good until ${expiry}`;
}

/**
 * A form for a new card. Its number is sent once, and forgotten here as soon as it was, whatever becomes of it: it is in no
 * variable, no storage, no address.
 * @param {(card: Card) => void} onCard
 */
export function newCardForm(onCard) {
  const number = field("Card number", {
    inputmode: "numeric",
    autocomplete: "cc-number",
    pattern: "[0-9 ]{12,23}",
    maxlength: 23,
    placeholder: "1234 5678 9012 3456",
  });
  const expiry = field("Good until", {
    inputmode: "numeric",
    autocomplete: "cc-exp",
    pattern: "(0[1-9]|1[0-2])/[0-9]{2}",
    maxlength: 5,
    placeholder: "MM/YY",
  });
  const cvc = field("CVC", {
    inputmode: "numeric",
    autocomplete: "cc-csc",
    pattern: "[0-9]{3,4}",
    maxlength: 4,
    placeholder: "123",
  });
  expiry.input.addEventListener("input", () => {
    if (/^\d{2}$/.test(expiry.input.value)) expiry.input.value += "/";
    else if (/^\d{2}\/$/.test(expiry.input.value)) expiry.input.value = expiry.input.value.slice(0, 2);
  });
  const does = action({
    label: "Use this card",
    busyLabel: "Handing it to the bank…",
    part: "cards",
    look: "quiet",
    submits: true,
    work: async () => {
      const body = { number: number.value(), expiry: expiry.value(), cvc: cvc.value() };
      for (const { input } of [number, cvc]) input.value = "";
      const card = /** @type {Card} */ (await ask("/api/cards", { method: "POST", body }));
      expiry.input.value = "";
      onCard(card);
    },
  });
  return form(
    does,
    number.element,
    h("div", { class: "row" }, expiry.element, cvc.element),
    h("p", { class: "soft small" }, "The number goes to the bank's vault, and is kept nowhere in this shop."),
  );
}
