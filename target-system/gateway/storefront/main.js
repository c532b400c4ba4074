import { agree, basketCount, onBasketChange } from "./basket.js";
import { count } from "./format.js";
import { basketPage } from "./pages/basket.js";
import { checkoutPage } from "./pages/checkout.js";
import { listingPage } from "./pages/listing.js";
import { logInPage } from "./pages/log-in.js";
import { nothingPage } from "./pages/nothing.js";
import { orderPage } from "./pages/order.js";
import { ordersPage } from "./pages/orders.js";
import { productPage } from "./pages/product.js";
import { profilePage } from "./pages/profile.js";
import { registerPage } from "./pages/register.js";
import { searchPage } from "./pages/search.js";
import { fallbackRoute, goTo, route, startRouter } from "./router.js";
import { currentSession, onSessionChange } from "./session.js";

/**
 * The storefront: the shop as a page, without a build step.
 *
 *   main ─▶ router ─▶ pages/… ─▶ loading, action ─▶ api ─▶ http ─▶ gateway
 *                        └─▶ basket, attempt, session: what this browser keeps
 */

route("/", listingPage);
route("/search", searchPage);
route("/products/:id", productPage);
route("/basket", basketPage);
route("/log-in", logInPage);
route("/register", registerPage);
route("/checkout", checkoutPage);
route("/orders", ordersPage);
route("/orders/:id", orderPage);
route("/profile", profilePage);
fallbackRoute(nothingPage);

/** @param {string} selector */
function placeOf(selector) {
  const place = document.querySelector(selector);
  if (!(place instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return place;
}

function showBasketCount() {
  const n = basketCount();
  const place = placeOf("#basket");
  place.textContent = n === 0 ? "Basket" : `Basket ${n}`;
  place.setAttribute("aria-label", n === 0 ? "Basket, empty" : `Basket, ${count(n, "item")}`);
}

function showAccount() {
  const isKnown = currentSession() !== null;
  const place = placeOf("#account");
  place.textContent = isKnown ? "Profile" : "Log in";
  place.setAttribute("href", isKnown ? "/profile" : "/log-in");
}

function showOffline() {
  placeOf("#offline").hidden = navigator.onLine;
}

placeOf("form.search").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = placeOf("#q");
  const text = field instanceof HTMLInputElement ? field.value.trim() : "";
  if (text !== "") goTo(`/search?${new URLSearchParams({ q: text }).toString()}`);
});

onBasketChange(showBasketCount);
onSessionChange(showAccount);
addEventListener("online", showOffline);
addEventListener("offline", showOffline);
showBasketCount();
showAccount();
showOffline();
startRouter();
void agree({ pull: true });
