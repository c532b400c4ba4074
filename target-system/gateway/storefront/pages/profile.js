import { action, form } from "../action.js";
import { announce } from "../announce.js";
import { ask, askAsAnybody } from "../api.js";
import { leaveBasket } from "../basket.js";
import { cardName, cardsNow, newCardForm } from "../cards.js";
import { h } from "../dom.js";
import { choice, field } from "../field.js";
import { capitalized } from "../format.js";
import { lines, loading } from "../loading.js";
import { goTo, goToLogIn } from "../router.js";
import { currentSession, logOut } from "../session.js";
import { Trouble } from "../trouble.js";

/**
 * @import { Address, Card, Category, Profile } from "../types.js"
 * @import { Visit, Page } from "../router.js"
 */

/** Who a customer is to the shop. @param {Visit} visit @returns {Page} */
export function profilePage({ signal }) {
  const title = "Profile";
  if (currentSession() === null) {
    goToLogIn();
    return { title, element: h("div") };
  }
  const profile = loading({
    part: "accounts",
    shape: lines(6),
    load: async () => {
      const [known, categories] = await Promise.all([
        /** @type {Promise<Profile>} */ (ask("/api/profile", { signal })),
        categoriesOrNone(signal),
      ]);
      return { known, categories };
    },
    render: ({ known, categories }) => [aboutForm(known, categories), addressForm(known)],
    onTrouble: ({ status }) => {
      if (status !== 401) return undefined;
      goToLogIn("over");
      return "";
    },
  });
  const cards = loading({
    part: "cards",
    load: () => cardsNow(signal),
    render: cardList,
    onTrouble: ({ status }) =>
      status === 404 ? h("p", { class: "soft" }, "Cards can not be kept here yet.") : undefined,
  });
  const leave = action({
    label: "Log out",
    busyLabel: "Logging out…",
    part: "accounts",
    look: "quiet",
    work: async () => {
      leaveBasket();
      try {
        await logOut();
        announce("You are logged out.");
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        announce(
          "You are logged out on this device. The shop could not be told; it will find out by itself.",
        );
      }
      goTo("/");
    },
  });
  return {
    title,
    element: h(
      "div",
      { class: "medium" },
      h("div", { class: "shelf-head" }, h("h1", {}, title), leave.button),
      profile.element,
      h("section", { class: "card" }, h("h2", {}, "Cards"), cards.element),
    ),
    ready: profile.ready,
  };
}

/** Without the shelves a profile can still be changed. @param {AbortSignal} signal @returns {Promise<readonly string[]>} */
async function categoriesOrNone(signal) {
  try {
    const { categories } = /** @type {{categories: readonly Category[]}} */ (
      await askAsAnybody("/api/categories", { signal })
    );
    return categories.map(({ name }) => name);
  } catch (error) {
    if (error instanceof Trouble) return [];
    throw error;
  }
}

/** @param {Profile} profile @param {readonly string[]} categories */
function aboutForm(profile, categories) {
  const name = field("Name", { value: profile.name, autocomplete: "name" });
  const phone = field("Phone", {
    value: profile.phone ?? "",
    type: "tel",
    autocomplete: "tel",
    required: false,
    maxlength: 40,
    pattern: "\\+?[0-9][0-9 ()\\/.\\-]{2,}",
  });
  const email = choice("checkbox", "By e-mail", { checked: profile.channels.includes("email") });
  const sms = choice("checkbox", "By SMS", { checked: profile.channels.includes("sms") });
  const all = [...new Set([...categories, ...profile.favouriteCategories])];
  const favourites = all.map((category) => ({
    category,
    ...choice("checkbox", capitalized(category), { checked: profile.favouriteCategories.includes(category) }),
  }));
  const does = action({
    label: "Save",
    busyLabel: "Saving…",
    part: "accounts",
    submits: true,
    work: async () => {
      await ask("/api/profile", {
        method: "PATCH",
        body: {
          name: name.value(),
          phone: phone.value() === "" ? null : phone.value(),
          channels: [...(email.input.checked ? ["email"] : []), ...(sms.input.checked ? ["sms"] : [])],
          favouriteCategories: favourites.flatMap(({ category, input }) => (input.checked ? [category] : [])),
        },
      });
      return "Saved.";
    },
  });
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "About you"),
    h("p", { class: "soft" }, profile.email),
    form(
      does,
      name.element,
      phone.element,
      h(
        "fieldset",
        {},
        h("legend", {}, "How shall we tell you about your orders?"),
        h("div", { class: "choices flow" }, email.element, sms.element),
      ),
      favourites.length > 0 &&
        h(
          "fieldset",
          {},
          h("legend", {}, "What do you like best?"),
          h("div", { class: "choices flow" }, ...favourites.map(({ element }) => element)),
        ),
    ),
  );
}

const mostAddresses = 10;

/** @param {Profile} profile */
function addressForm(profile) {
  /** @type {readonly Address[]} */
  let addresses = profile.addresses;
  const list = h("ul", { class: "plain" });
  /** @param {readonly Address[]} next */
  const save = async (next) => {
    ({ addresses } = /** @type {Profile} */ (
      await ask("/api/profile", { method: "PATCH", body: { addresses: next } })
    ));
    show();
  };
  const show = () =>
    list.replaceChildren(
      ...addresses.map((address) => {
        const { name, street, postcode, city, country } = address;
        const remove = action({
          label: "Remove",
          busyLabel: "Removing…",
          part: "accounts",
          look: "small quiet",
          work: () => save(addresses.filter((other) => other !== address)),
        });
        return h(
          "li",
          {},
          h("span", {}, `${name}, ${street}, ${postcode} ${city}, ${country}`),
          remove.button,
          remove.note,
        );
      }),
    );
  const fields = {
    name: field("Name on the door", { autocomplete: "name" }),
    street: field("Street and number", { autocomplete: "street-address" }),
    postcode: field("Postcode", { autocomplete: "postal-code", maxlength: 20 }),
    city: field("City", { autocomplete: "address-level2" }),
    country: field("Country", {
      autocomplete: "country",
      maxlength: 2,
      pattern: "[A-Za-z]{2}",
      hint: "Two letters: DE, FR…",
    }),
  };
  const does = action({
    label: "Add address",
    busyLabel: "Adding…",
    part: "accounts",
    look: "quiet",
    submits: true,
    work: async () => {
      if (addresses.length >= mostAddresses)
        return `You can have ${mostAddresses} addresses; remove one first.`;
      await save([
        ...addresses,
        {
          name: fields.name.value(),
          street: fields.street.value(),
          postcode: fields.postcode.value(),
          city: fields.city.value(),
          country: fields.country.value().toUpperCase(),
        },
      ]);
      for (const { input } of Object.values(fields)) input.value = "";
      return "Added.";
    },
  });
  show();
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Addresses"),
    list,
    h(
      "details",
      {},
      h("summary", {}, "Add an address"),
      form(
        does,
        fields.name.element,
        fields.street.element,
        h("div", { class: "row" }, fields.postcode.element, fields.city.element, fields.country.element),
      ),
    ),
  );
}

/** @param {readonly Card[]} cards */
function cardList(cards) {
  const list = h("ul", { class: "plain" });
  /** @param {Card} card */
  const add = (card) => {
    const remove = action({
      label: "Remove",
      busyLabel: "Removing…",
      part: "cards",
      look: "small quiet",
      work: async () => {
        await ask(`/api/cards/${encodeURIComponent(card.cardId)}`, { method: "DELETE" });
        row.remove();
      },
    });
    const row = h("li", {}, h("span", {}, cardName(card)), remove.button, remove.note);
    list.append(row);
  };
  for (const card of cards) add(card);
  return [list, h("details", {}, h("summary", {}, "Add a card"), newCardForm(add))];
}
