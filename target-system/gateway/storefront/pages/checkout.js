import { action } from "../action.js";
import { ask } from "../api.js";
import { beginAttempt, endAttempt, openAttempt } from "../attempt.js";
import { basket, itemsOf, takeOutOrdered } from "../basket.js";
import { cardName, cardsNow, newCardForm } from "../cards.js";
import { h } from "../dom.js";
import { choice } from "../field.js";
import { money } from "../format.js";
import { loading } from "../loading.js";
import { goTo, goToLogIn } from "../router.js";
import { currentSession } from "../session.js";
import { Trouble } from "../trouble.js";
import { wordsFor } from "../words.js";
import { sumText } from "./basket.js";

/**
 * @import { Card, Item, PlacedOrder } from "../types.js"
 * @import { Attempt } from "../attempt.js"
 * @import { Visit, Page } from "../router.js"
 */

/**
 * What to pay with: a card; the one that the shop has been given last, where the customer cannot be asked; or none, and one
 * has to be added.
 * @typedef {Card | "newest" | "none"} CardChoice
 */

/**
 * From a basket to an order. An order that the shop has not answered is asked for again, as it was, before there can be
 * another one.
 * @param {Visit} visit
 * @returns {Page}
 */
export function checkoutPage({ signal }) {
  const title = "Checkout";
  const session = currentSession();
  if (session === null) {
    goToLogIn();
    return { title, element: h("div") };
  }
  const { userId } = session;
  const body = h("div", {});
  const element = h("div", {}, h("h1", {}, title), body);

  const show = () => {
    const open = openAttempt(userId);
    const { lines } = basket();
    if (open !== undefined) body.replaceChildren(unanswered(open));
    else if (lines.length === 0)
      body.replaceChildren(
        h(
          "div",
          { class: "card empty" },
          h("h2", {}, "There is nothing to order"),
          h("p", {}, "Your basket is empty."),
          h("a", { class: "button", href: "/" }, "Look around"),
        ),
      );
    else body.replaceChildren(ordering());
  };

  /** Sends an attempt, for the first time or again. @param {Attempt} attempt @param {boolean} isFirst */
  const place = async (attempt, isFirst) => {
    const { key, items, cardId } = attempt;
    try {
      const order = /** @type {PlacedOrder} */ (
        await ask("/api/checkout", {
          method: "POST",
          headers: { "idempotency-key": key },
          body: { items, ...(cardId !== undefined && { cardId }) },
        })
      );
      endAttempt(attempt);
      takeOutOrdered(items);
      if (!signal.aborted) goTo(`/orders/${encodeURIComponent(order.orderId)}`, { replace: true });
    } catch (error) {
      if (error instanceof Trouble && isOver(error, isFirst)) endAttempt(attempt);
      throw error;
    }
  };

  /** @param {Trouble} trouble */
  const onTrouble = (trouble) => {
    if (trouble.code === "session-over" || trouble.code === "not-logged-in") {
      goToLogIn("over");
      return true;
    }
    if (openAttempt(userId) === undefined) return false;
    show();
    const heading = body.querySelector("h2");
    if (heading instanceof HTMLElement) heading.focus();
    return true;
  };

  function ordering() {
    const { lines } = basket();
    const items = itemsOf(lines);
    /** @type {CardChoice} */
    let card = "newest";
    const does = action({
      label: "Order and pay",
      busyLabel: "Placing your order…",
      part: "checkout",
      look: "wide",
      work: async () => {
        if (card === "none") throw new Trouble("refused", { code: "no-card" });
        const isFirst = openAttempt(userId) === undefined;
        const wish = { userId, items, ...(card !== "newest" && { cardId: card.cardId }) };
        await place(beginAttempt(wish), isFirst);
      },
      onTrouble,
    });
    return h(
      "div",
      { class: "two" },
      h(
        "section",
        {},
        h("h2", {}, "Pay with"),
        cardChoice(signal, (chosen) => {
          card = chosen;
        }),
      ),
      h(
        "aside",
        { class: "card sum" },
        h("h2", {}, "Your order"),
        itemList(items),
        h("dl", { class: "sums" }, h("dt", {}, "Sum"), h("dd", {}, sumText(lines))),
        does.button,
        does.note,
      ),
    );
  }

  /** @param {Attempt} attempt */
  function unanswered(attempt) {
    const does = action({
      label: "Ask again",
      busyLabel: "Asking…",
      part: "checkout",
      work: () => place(attempt, false),
      onTrouble: (trouble) => {
        if (trouble.kind === "refused") return onTrouble(trouble) || sayNo(trouble);
        does.note.className = "note bad";
        does.note.textContent = `Still no answer. ${trouble.kind === "unreached" ? "Please check your connection. " : ""}You can ask as often as you like.`;
        return true;
      },
    });
    /** @param {Trouble} trouble */
    const sayNo = (trouble) => {
      show();
      body.prepend(h("p", { class: "note bad", role: "alert" }, wordsFor(trouble, "checkout").text));
      return true;
    };
    return h(
      "div",
      { class: "card trouble medium", role: "alert" },
      h("h2", { tabindex: -1 }, "We have not heard whether this order was placed"),
      h("p", {}, "Ask again: it is one and the same order, and it will not be placed or charged twice."),
      itemList(attempt.items),
      h(
        "div",
        { class: "row" },
        does.button,
        h("a", { class: "button quiet", href: "/orders" }, "See my orders"),
      ),
      does.note,
    );
  }

  show();
  return { title, element };
}

/**
 * Whether there is surely no order. Of an attempt that was sent before, only a word on the order itself says so: that this
 * try was not let in says nothing of the one before.
 * @param {Trouble} trouble
 * @param {boolean} isFirst
 */
function isOver({ kind, status, mayHaveHappened }, isFirst) {
  return isFirst ? !mayHaveHappened : kind === "refused" && status !== 401;
}

/** @param {readonly Item[]} items */
function itemList(items) {
  const { lines } = basket();
  return h(
    "ul",
    { class: "item-list" },
    ...items.map(({ productId, quantity }) => {
      const { name = productId, priceCents } = lines.find((line) => line.productId === productId) ?? {};
      return h(
        "li",
        {},
        h("span", {}, `${quantity} × ${name}`),
        priceCents !== undefined && h("span", { class: "price" }, money(quantity * priceCents)),
      );
    }),
  );
}

/**
 * Which card to pay with. Without an answer of the payment desk one can still order: the shop then takes the card that was
 * added last.
 * @param {AbortSignal} signal
 * @param {(card: CardChoice) => void} onChoice
 */
function cardChoice(signal, onChoice) {
  const view = loading({
    part: "cards",
    load: () => cardsNow(signal),
    render: (cards) => cardList(cards, onChoice),
    onTrouble: (trouble, again) => {
      onChoice("newest");
      // A shop whose payment desk has no cards takes what it has on file.
      if (trouble.status === 404)
        return h(
          "p",
          { class: "card" },
          "Cards can not be chosen here yet. The shop uses the one that it has of you.",
        );
      if (trouble.kind === "refused") return undefined;
      const retry = action({
        label: "Try again",
        busyLabel: "Trying…",
        part: "cards",
        look: "quiet",
        work: again,
      });
      return h(
        "div",
        { class: "card trouble", role: "status" },
        h("h3", {}, "Your cards can not be read right now"),
        h(
          "p",
          {},
          "You can order all the same: we use the card that you added last, and follow the payment until it is certain.",
        ),
        retry.button,
      );
    },
  });
  return view.element;
}

/** @param {readonly Card[]} cards @param {(card: CardChoice) => void} onChoice */
function cardList(cards, onChoice) {
  const list = h("div", { class: "choices", role: "radiogroup", "aria-label": "Card" });
  const status = h("p", { class: "note good", role: "status" });
  /** @param {Card} card @param {boolean} isChosen */
  const add = (card, isChosen) => {
    if (isChosen) onChoice(card);
    list.append(
      choice("radio", cardName(card), {
        name: "card",
        value: card.cardId,
        checked: isChosen,
        onchange: () => {
          onChoice(card);
          status.textContent = "";
        },
      }).element,
    );
  };
  if (cards.length === 0) onChoice("none");
  cards.forEach((card, index) => add(card, index === 0));
  const another = h(
    "details",
    { class: "card", open: cards.length === 0 },
    h("summary", {}, cards.length === 0 ? "Add a card" : "Use another card"),
    newCardForm((card) => {
      for (const input of list.querySelectorAll("input")) input.checked = false;
      add(card, true);
      another.open = false;
      status.textContent = `${cardName(card)}: it will be used.`;
    }),
  );
  return [
    cards.length === 0 && h("p", { class: "soft" }, "You have no card here yet."),
    list,
    status,
    another,
  ];
}
