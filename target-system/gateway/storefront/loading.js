import { action, countDown } from "./action.js";
import { h, leaves } from "./dom.js";
import { duration } from "./format.js";
import { Trouble } from "./trouble.js";
import { wordsFor, wrong } from "./words.js";

/**
 * A part of a page that has to be asked for: a shape of what will be there, then it, or what went wrong and a way to try
 * again. Each part fails by itself: one that is down takes nothing else from the page.
 *
 * @import { Part, Words } from "./words.js"
 * @import { Child } from "./types.js"
 */

const longestWaitMs = 10_000;
const mostTries = 4;

/**
 * @template T
 * @typedef {object} LoadingOptions
 * @property {() => Promise<T>} load
 * @property {(loaded: T) => Child} render
 * @property {Part} part of the shop that is asked
 * @property {Child} [shape] shown until it is there
 * @property {(trouble: Trouble, again: () => Promise<void>) => Child} [onTrouble] other than the usual words; undefined: those
 */

/**
 * @template T
 * @param {LoadingOptions<T>} options
 * @returns {{element: HTMLElement, ready: Promise<void>}}
 */
export function loading({ load, render, part, shape = lines(3), onTrouble }) {
  const element = h("div", { class: "loading", "aria-busy": "true" }, shape);
  /** @param {Child} child */
  const show = (child) => {
    const hadFocus = element.contains(document.activeElement);
    element.removeAttribute("aria-busy");
    element.replaceChildren(...leaves([child]));
    const next = element.querySelector("h2, button, a");
    if (hadFocus && next instanceof HTMLElement) next.focus();
  };

  async function run() {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return show(render(await load()));
      } catch (error) {
        if (error instanceof DOMException && error.name === "AbortError") return;
        if (!(error instanceof Trouble)) {
          show(troubleCard(wrong, part, run));
          throw error; // a fault of this page: the console is to hear of it
        }
        const { kind, waitMs } = error;
        if (kind !== "busy" || waitMs === undefined || waitMs > longestWaitMs || attempt === mostTries)
          return show(onTrouble?.(error, run) ?? troubleCard(wordsFor(error, part), part, run));
        await countDown(waitMs, (leftMs) =>
          show(
            h(
              "p",
              { class: "note wait", role: "status" },
              `The shop is busy. Trying again in ${duration(leftMs)}.`,
            ),
          ),
        );
      }
    }
  }
  return { element, ready: run() };
}

/** @param {Words} words @param {Part} part @param {() => Promise<void>} again */
export function troubleCard({ title, text }, part, again) {
  const retry = action({ label: "Try again", busyLabel: "Trying…", part, look: "quiet", work: again });
  return h(
    "div",
    { class: "card trouble", role: "alert" },
    h("h2", { tabindex: -1 }, title === "" ? text : title),
    title !== "" && h("p", {}, text),
    retry.button,
  );
}

/** Grey lines where text will be. @param {number} n */
export function lines(n) {
  return h("div", { class: "shape", "aria-hidden": "true" }, ...Array.from({ length: n }, () => h("span")));
}
