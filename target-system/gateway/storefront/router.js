import { h } from "./dom.js";

/**
 * Which page is shown for which address. Links are links: they can be opened elsewhere, copied, and gone back to; this only
 * spares the loading of the page's frame.
 *
 * @typedef {object} Visit
 * @property {Readonly<Record<string, string>>} params what stands for the names in the path
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal aborts when the page is left
 *
 * @typedef {object} Page
 * @property {string} title
 * @property {HTMLElement} element
 * @property {Promise<unknown>} [ready] when all that it has to ask for is there
 *
 * @typedef {(visit: Visit) => Page} PageMaker
 */

/** @type {{pattern: RegExp, make: PageMaker}[]} */
const routes = [];
/** @type {PageMaker} */
let otherwise = () => ({ title: "Nothing here", element: h("div") });
let leaving = new AbortController();

/** @param {string} path as in `/products/:id` @param {PageMaker} make */
export function route(path, make) {
  routes.push({ pattern: new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`), make });
}

/** @param {PageMaker} make what is shown where there is no page */
export function fallbackRoute(make) {
  otherwise = make;
}

/** Shows the page of the address that the browser is at, and from then on of each link that is followed. */
export function startRouter() {
  history.scrollRestoration = "manual";
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (
      link === null ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    if (link.origin !== location.origin || link.target !== "" || link.hasAttribute("download")) return;
    if (link.hash !== "" && link.pathname === location.pathname) return;
    event.preventDefault();
    goTo(link.pathname + link.search);
  });
  addEventListener("popstate", () => {
    /** @type {unknown} */
    const left = history.state;
    const hasScrolled = typeof left === "object" && left !== null && "scrollY" in left;
    show({ scrollTo: hasScrolled ? Number(left.scrollY) : 0 });
  });
  show({ isFirst: true });
}

/** @param {string} path @param {{replace?: boolean}} [options] `replace`: the page left is not to be come back to */
export function goTo(path, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", path);
  else {
    history.replaceState({ scrollY }, "");
    history.pushState(null, "", path);
  }
  show({});
}

/** The log-in page, which leads back to here. @param {string} [why] */
export function goToLogIn(why) {
  const query = new URLSearchParams({ next: location.pathname + location.search, ...(why && { why }) });
  goTo(`/log-in?${query.toString()}`, { replace: true });
}

/** @param {{isFirst?: boolean, scrollTo?: number}} how */
function show({ isFirst = false, scrollTo: top = 0 }) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { title, element, ready } = pageAt(location.pathname, signal);
  if (signal.aborted) return; // it led elsewhere
  document.title = title === "" ? "Fairweather" : `${title} · Fairweather`;
  const main = document.querySelector("main");
  if (main === null) throw new Error("the page has no main part");
  main.replaceChildren(element);
  markCurrent();
  const heading = main.querySelector("h1");
  if (!isFirst && heading instanceof HTMLElement) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  scrollTo(0, 0);
  if (top > 0) void Promise.resolve(ready).then(() => signal.aborted || scrollTo(0, top));
}

/** @param {string} path @param {AbortSignal} signal @returns {Page} */
function pageAt(path, signal) {
  const query = new URLSearchParams(location.search);
  for (const { pattern, make } of routes) {
    const match = pattern.exec(path);
    if (match === null) continue;
    /** @type {Record<string, string>} */
    const params = {};
    for (const [name, value] of Object.entries(match.groups ?? {})) params[name] = decoded(value);
    return make({ params, query, signal });
  }
  return otherwise({ params: {}, query, signal });
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a half escape: no product is called so, and the page will say that
  }
}

function markCurrent() {
  for (const link of document.querySelectorAll("header a, .chips a")) {
    const isHere =
      link instanceof HTMLAnchorElement &&
      link.pathname + link.search === location.pathname + location.search;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
