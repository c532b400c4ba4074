import { action, form } from "../action.js";
import { randomKey } from "../api.js";
import { agree } from "../basket.js";
import { h } from "../dom.js";
import { field } from "../field.js";
import { send } from "../http.js";
import { goTo } from "../router.js";
import { logIn } from "../session.js";
import { ownPath } from "./log-in.js";

/** @import { Visit, Page } from "../router.js" */

/** @param {Visit} visit @returns {Page} */
export function registerPage({ query }) {
  const next = ownPath(query.get("next"));
  const name = field("Name", { autocomplete: "name" });
  const email = field("E-mail", { type: "email", autocomplete: "username", autocapitalize: "none" });
  const phone = field("Phone (if you like)", {
    type: "tel",
    autocomplete: "tel",
    required: false,
    maxlength: 40,
    pattern: "\\+?[0-9][0-9 ()\\/.\\-]{2,}",
    hint: "For messages about your orders.",
  });
  const password = field("Password", {
    type: "password",
    autocomplete: "new-password",
    minlength: 8,
    hint: "At least 8 characters.",
  });
  /** One key for one content: to press again makes no second account. @type {{content: string, key: string} | undefined} */
  let attempt;
  const does = action({
    label: "Make an account",
    busyLabel: "Making your account…",
    part: "accounts",
    submits: true,
    look: "wide",
    work: async () => {
      const body = {
        name: name.value(),
        email: email.value(),
        password: password.input.value,
        ...(phone.value() !== "" && { phone: phone.value() }),
      };
      const content = JSON.stringify(body);
      if (attempt?.content !== content) attempt = { content, key: randomKey() };
      await send("/api/register", { method: "POST", body, headers: { "idempotency-key": attempt.key } });
      await logIn(body.email, body.password);
      password.input.value = "";
      void agree({ pull: true });
      goTo(next, { replace: true });
    },
  });
  return {
    title: "Make an account",
    element: h(
      "div",
      { class: "narrow" },
      h("h1", {}, "Make an account"),
      form(does, name.element, email.element, phone.element, password.element),
      h(
        "p",
        {},
        "You have one? ",
        h("a", { href: `/log-in?${new URLSearchParams({ next }).toString()}` }, "Log in"),
      ),
    ),
  };
}
