import { h } from "../dom.js";

/** @import { Page } from "../router.js" */

/** Where there is no page. @returns {Page} */
export function nothingPage() {
  return {
    title: "Nothing here",
    element: nothingHere("There is nothing here", "The address may be mistyped, or what was here has gone."),
  };
}

/** @param {string} title @param {string} text */
export function nothingHere(title, text) {
  return h(
    "div",
    { class: "card empty" },
    h("p", { class: "huge", "aria-hidden": "true" }, "404"),
    h("h1", { tabindex: -1 }, title),
    h("p", {}, text),
    h("a", { class: "button", href: "/" }, "Back to the shelves"),
  );
}
