import { action, form } from "../action.js";
import { agree } from "../basket.js";
import { h } from "../dom.js";
import { field } from "../field.js";
import { goTo } from "../router.js";
import { currentSession, logIn } from "../session.js";

/** @import { Visit, Page } from "../router.js" */

/** @param {Visit} visit @returns {Page} */
export function logInPage({ query }) {
  const next = ownPath(query.get("next"));
  if (currentSession() !== null) goTo(next, { replace: true });
  const email = field("E-mail", { type: "email", autocomplete: "username", autocapitalize: "none" });
  const password = field("Password", { type: "password", autocomplete: "current-password" });
  const does = action({
    label: "Log in",
    busyLabel: "Logging in…",
    part: "accounts",
    submits: true,
    look: "wide",
    work: async () => {
      await logIn(email.value(), password.input.value);
      password.input.value = "";
      void agree({ pull: true });
      goTo(next, { replace: true });
    },
  });
  return {
    title: "Log in",
    element: h(
      "div",
      { class: "narrow" },
      h("h1", {}, "Log in"),
      query.get("why") === "over" &&
        h(
          "p",
          { class: "note wait", role: "status" },
          "Your session has ended. Please log in again; your basket is kept.",
        ),
      form(does, email.element, password.element),
      h(
        "p",
        {},
        "New here? ",
        h("a", { href: `/register?${new URLSearchParams({ next }).toString()}` }, "Make an account"),
      ),
    ),
  };
}

/** Where to go on: within this shop only, whatever a link says. @param {string | null} path */
export function ownPath(path) {
  if (path === null || !path.startsWith("/")) return "/";
  const url = new URL(path, location.origin);
  return url.origin === location.origin ? url.pathname + url.search : "/";
}
