import { h } from "./dom.js";
import { duration } from "./format.js";
import { troubleOf } from "./trouble.js";
import { wordsFor } from "./words.js";

/**
 * A button that does something, and says so: ready ─▶ busy ─▶ done, or failed with words and the button alive again. It never
 * does its work twice at once. When the shop is busy it waits as long as it was told to, and tries again by itself.
 *
 * @import { Part } from "./words.js"
 * @import { Trouble } from "./trouble.js"
 *
 * @typedef {object} ActionOptions
 * @property {string} label
 * @property {string} busyLabel
 * @property {string} [againLabel] once it has failed
 * @property {Part} part of the shop that does the work
 * @property {() => Promise<string | void>} work gives what to say, if anything
 * @property {(trouble: Trouble) => boolean} [onTrouble] true: told already
 * @property {string} [look] classes of the button
 * @property {boolean} [submits] the form it stands in starts it
 *
 * @typedef {object} Action
 * @property {HTMLButtonElement} button
 * @property {HTMLElement} note where it says how it went
 * @property {() => Promise<void>} run
 */

/** A wait that is longer is for the customer to end. */
const longestWaitMs = 10_000;
const mostTries = 4;

/** @param {ActionOptions} options @returns {Action} */
export function action({ label, busyLabel, againLabel = label, part, work, onTrouble, look = "", submits }) {
  const note = h("p", { class: "note", role: "status" });
  const button = h(
    "button",
    {
      type: submits ? "submit" : "button",
      class: `button ${look}`,
      ...(!submits && { onclick: () => void run() }),
    },
    label,
  );
  let isBusy = false;

  /** @param {boolean} busy @param {string} text */
  const show = (busy, text) => {
    isBusy = busy;
    // Not `disabled`: that would take the focus away from under the keyboard.
    button.setAttribute("aria-disabled", String(busy));
    button.classList.toggle("is-busy", busy);
    button.textContent = text;
  };
  /** @param {"" | "good" | "bad" | "wait"} kind @param {string} text @param {string} [title] */
  const say = (kind, text, title = "") => {
    note.className = `note ${kind}`;
    note.replaceChildren(...(title === "" ? [] : [h("strong", {}, title), " "]), text);
  };

  async function run() {
    if (isBusy) return;
    show(true, busyLabel);
    say("", "");
    for (let attempt = 1; ; attempt += 1) {
      try {
        say("good", (await work()) ?? "");
        return show(false, label);
      } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") return show(false, label);
        const trouble = tell(error);
        const { waitMs } = trouble;
        if (
          trouble.kind !== "busy" ||
          waitMs === undefined ||
          (waitMs <= longestWaitMs && attempt === mostTries)
        ) {
          show(false, againLabel);
          if (onTrouble?.(trouble) !== true) sayTrouble(trouble);
          return;
        }
        const isOurs = waitMs <= longestWaitMs;
        const what = isOurs ? "Trying again in" : "You can try again in";
        const why = trouble.code === "too-many-attempts" ? "Too many wrong passwords." : "The shop is busy.";
        await countDown(waitMs, (leftMs) => say("wait", `${why} ${what} ${duration(leftMs)}.`));
        say("", "");
        if (!isOurs) return show(false, againLabel);
      }
    }
  }

  /** @param {unknown} error */
  function tell(error) {
    try {
      return troubleOf(error);
    } catch (fault) {
      // A fault of this page: the button must live on, and the console hear of it.
      show(false, againLabel);
      say("bad", "That is our fault, not yours. Please try again.", "Something went wrong.");
      throw fault;
    }
  }

  /** @param {Trouble} trouble */
  function sayTrouble(trouble) {
    const { title, text } = wordsFor(trouble, part);
    say("bad", text, title === "" ? "" : `${title}.`);
  }

  return { button, note, run };
}

/** Ends when the time is over. @param {number} waitMs @param {(leftMs: number) => void} onSecond */
export async function countDown(waitMs, onSecond) {
  const endMs = performance.now() + waitMs;
  for (let leftMs = waitMs; leftMs > 0; leftMs = endMs - performance.now()) {
    onSecond(leftMs);
    await new Promise((resolve) => setTimeout(resolve, Math.min(1_000, leftMs)));
  }
}

/**
 * A form whose one button is an action.
 * @param {Action} does
 * @param {import("./types.js").Child[]} fields
 */
export function form({ button, note, run }, ...fields) {
  return h(
    "form",
    {
      class: "form",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        void run();
      },
    },
    ...fields,
    h("div", { class: "form-end" }, button, note),
  );
}
