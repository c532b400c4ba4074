import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { waitFor } from "../service-kit/wait.fixture.ts";
import { startBrowser, visit, type Visit } from "./browser.fixture.ts";
import { startWholeShop, type WholeShop } from "./whole-shop.fixture.ts";

/** The storefront as a shopper's browser shows it, with the whole shop behind it: well, and with parts of it broken. */

let shop: WholeShop;
let browser: Browser;
const started = new AsyncDisposableStack();
beforeAll(async () => {
  shop = started.use(await startWholeShop());
  browser = started.adopt(await startBrowser(), (running) => running.close());
});
afterEach(() => shop.heal());
afterAll(() => started.disposeAsync());

const heading = (page: Page, name: string | RegExp) => page.getByRole("heading", { name });
const button = (page: Page, name: string | RegExp) => page.getByRole("button", { name, exact: true });
const link = (page: Page, name: string | RegExp) => page.getByRole("link", { name, exact: true });
const seen = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

async function logIn(page: Page, number: string): Promise<void> {
  await page.getByLabel("E-mail").fill(`user-${number}@shop.example`);
  await page.getByLabel("Password").fill(`password-${number}`);
  await button(page, "Log in").click();
}

async function putIn(page: Page, productId: string): Promise<void> {
  await page.goto(`/products/${productId}`);
  await button(page, "Add to basket").click();
}

/** Brings somebody who has one product in the basket to where they can order it. */
async function toCheckout(page: Page, number: string, productId: string): Promise<void> {
  await putIn(page, productId);
  await page.goto("/log-in?next=/checkout");
  await logIn(page, number);
  await button(page, "Order and pay").waitFor();
}

/** A part that was broken is tried again by the gateway only after some seconds: presses until the page is through. */
async function pressUntil(page: Page, name: string, through: ReturnType<typeof heading>): Promise<void> {
  await waitFor(`"${name}" to help`, async () => {
    if (await through.isVisible()) return true;
    const again = button(page, name);
    if (await again.isVisible()) await again.click({ timeout: 1_000 });
    return false;
  });
}

function orderIdAt(page: Page): string {
  return new URL(page.url()).pathname.split("/").at(-1) ?? "";
}

function hasNoFaults({ faults }: Visit): void {
  expect(faults).toEqual([]);
}

it("a shopper browses, searches, fills a basket, logs in, orders, and follows the order until it is confirmed", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await page.goto("/");
  await heading(page, "Good things, whatever the weather").waitFor();
  await page.locator(".shelves .product").nth(23).waitFor();
  await heading(page, "Popular now").waitFor();
  await look("listing");

  await link(page, "Garden").click();
  await heading(page, "Garden").waitFor();
  await seen(page, "52 products");
  await page.getByLabel("Sort").selectOption("price");
  await page.waitForURL("**/?category=garden&sort=price");
  await page.getByRole("link", { name: "Page 2" }).click();
  await page.waitForURL("**&page=2");
  await look("listing-category");

  await page.getByRole("searchbox").fill("zeppelin");
  await page.keyboard.press("Enter");
  await heading(page, /Nothing found/).waitFor();
  await look("search-nothing");
  await page.getByRole("searchbox").fill("lamp");
  await page.keyboard.press("Enter");
  await page.locator(".product").nth(3).waitFor();
  expect(await page.locator(".product-name").allTextContents()).toSatisfy((names: string[]) =>
    names.every((name) => /lamp/i.test(name)),
  );
  await look("search");

  await page.locator(".product-link").first().click();
  await heading(page, "Goes well with it").waitFor();
  expect(await page.locator(".suggestions .product").count()).toBe(4);
  await button(page, "One more").click();
  await button(page, "Add to basket").click();
  await seen(page, /2 of .* are in your basket/);
  await look("product");

  await page.getByRole("link", { name: "Basket, 2 items" }).click();
  await heading(page, "Your basket").waitFor();
  // Whoever goes by keyboard or by ear starts where the new page starts.
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Your basket");
  await look("basket");
  await link(page, "Go to checkout").click();
  await heading(page, "Log in").waitFor();
  await look("log-in");
  await logIn(page, "001");
  await button(page, "Order and pay").waitFor();
  await page.locator("main .loading:not([aria-busy])").first().waitFor();
  await look("checkout");
  await button(page, "Order and pay").click();

  await heading(page, /^Confirmed/).waitFor();
  await page.getByRole("listitem").filter({ hasText: "Placed" }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "Paid and confirmed" }).waitFor();
  await look("order-confirmed");
  expect(await shop.held(orderIdAt(page))).toEqual(["captured 1"]);
  await page.getByRole("link", { name: "Basket, empty" }).waitFor();

  await link(page, "Orders").click();
  await page.locator(".order-line").filter({ hasText: "Confirmed" }).waitFor();
  await look("orders");
  await link(page, "Profile").click();
  await page.getByLabel("Name", { exact: true }).waitFor();
  await look("profile");
  await button(page, "Log out").click();
  await link(page, "Log in").waitFor();
  hasNoFaults(shopper);
});

it("without the recommendation service a product can be looked at and bought, and the page says quietly what is missing", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  shop.edges.recommendation.become({ kind: "cut" });
  await page.goto("/");
  await seen(page, /suggestions are taking a break/i);
  await page.locator(".shelves .product").nth(23).waitFor();
  await look("listing-recommendation-down");
  await toCheckout(page, "002", "p-0042");
  await page.goto("/products/p-0042");
  await seen(page, /Suggestions are taking a break/);
  expect(await heading(page, "Goes well with it").count()).toBe(0);
  await look("product-recommendation-down");
  await page.goto("/checkout");
  await button(page, "Order and pay").click();
  await heading(page, /^Confirmed/).waitFor();
  hasNoFaults(shopper);
});

it("while payment is broken an order is being confirmed, and the page follows it until it is: paid once", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await toCheckout(page, "003", "p-0043");
  shop.edges.payment.become({ kind: "cut" });
  shop.edges["order-payment"].become({ kind: "cut" });
  await page.reload();
  await heading(page, "Your cards can not be read right now").waitFor();
  await look("checkout-payment-down");
  await button(page, "Order and pay").click();
  await heading(page, "Your payment is being confirmed").waitFor();
  await seen(page, /We will not charge you twice. This page follows it/);
  await look("order-pending");
  const orderId = orderIdAt(page);
  expect(await shop.held(orderId)).toEqual([]);
  shop.heal();
  await heading(page, /^Confirmed/).waitFor();
  expect(await shop.held(orderId)).toEqual(["captured 1"]);
  hasNoFaults(shopper);
});

it("an order whose answer was lost is asked for again, as often as one likes, also after a reload: it is one order", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await toCheckout(page, "004", "p-0044");
  // Until now nothing was ordered; from here on orders are placed, and nobody hears of it.
  shop.edges.order.become({ kind: "swallow-answers", to: "POST /orders" });
  await button(page, "Order and pay").click();
  await heading(page, "We have not heard whether this order was placed").waitFor();
  await look("checkout-unanswered");
  await button(page, "Ask again").click();
  await seen(page, "Still no answer");
  await page.reload();
  await heading(page, "We have not heard whether this order was placed").waitFor();
  shop.heal();
  await pressUntil(page, "Ask again", heading(page, /^Confirmed/));
  expect(await shop.held(orderIdAt(page))).toEqual(["captured 1"]);
  await link(page, "Orders").click();
  await page.locator(".order-line").first().waitFor();
  expect(await page.locator(".order-line").count()).toBe(1);
  hasNoFaults(shopper);
});

it("a bank that declines is said so at once: nothing is charged, nothing leaves the basket, and the order is on record", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await putIn(page, "p-0044");
  await page.goto("/basket");
  // More than the banks let anybody pay at once.
  await page.getByLabel(/^How many of/).fill("99");
  await page.keyboard.press("Tab");
  await page.getByRole("link", { name: "Basket, 99 items" }).waitFor();
  await link(page, "Go to checkout").click();
  await heading(page, "Log in").waitFor();
  await logIn(page, "006");
  await page.locator("main .loading:not([aria-busy])").first().waitFor();
  await button(page, "Order and pay").click();
  await seen(page, /Your card was declined. You were not charged/);
  await look("checkout-declined");
  await page.getByRole("link", { name: "Basket, 99 items" }).waitFor();
  await link(page, "Orders").click();
  await page.locator(".order-line").filter({ hasText: "Declined" }).click();
  await heading(page, "Your card was declined").waitFor();
  await look("order-declined");
  expect((await shop.held(orderIdAt(page))).filter((held) => held.startsWith("captured"))).toEqual([]);
  hasNoFaults(shopper);
});

it("without the catalog the page says so, keeps the basket, and comes back when it is asked to try again", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await putIn(page, "p-0045");
  const name = await page.locator("h1").textContent();
  shop.edges.catalog.become({ kind: "cut" });
  await page.goto("/");
  await heading(page, "The shelves can not be read right now").waitFor();
  await look("listing-catalog-down");
  await page.goto("/basket");
  await seen(page, /names and prices are as you saw them last/);
  await link(page, name ?? "").waitFor();
  await look("basket-catalog-down");
  await page.goto("/search?q=lamp");
  await heading(page, "The shelves can not be read right now").waitFor();
  shop.heal();
  await pressUntil(page, "Try again", heading(page, /^Search/).and(page.locator(":has(~ .loading .grid)")));
  expect(await page.locator(".product").count()).toBeGreaterThan(3);
  hasNoFaults(shopper);
});

it("without accounts nobody can log in, and the page says so; the basket is kept, and comes along when it works again", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await putIn(page, "p-0046");
  await page.goto("/log-in?next=/basket");
  await page.getByLabel("E-mail").fill("user-005@shop.example");
  await page.getByLabel("Password").fill("wrong password");
  await button(page, "Log in").click();
  await seen(page, "The e-mail address or the password is wrong.");
  await look("log-in-wrong-password");
  shop.edges.user.become({ kind: "cut" });
  await logIn(page, "005");
  await seen(page, "We can not reach your account right now.");
  await page.getByRole("link", { name: "Basket, 1 item" }).waitFor();
  await look("log-in-user-down");
  shop.heal();
  await pressUntil(page, "Log in", heading(page, "Your basket"));
  // In the shop's hands now: another browser has it, too, and the larger number of what both had.
  await using elsewhere = await visit(browser, shop.url);
  await putIn(elsewhere.page, "p-0046");
  await putIn(elsewhere.page, "p-0047");
  await elsewhere.page.goto("/log-in?next=/basket");
  await logIn(elsewhere.page, "005");
  await elsewhere.page.getByRole("link", { name: "Basket, 2 items" }).waitFor();
  await page.reload();
  await page.getByRole("link", { name: "Basket, 2 items" }).waitFor();
  for (const visit of [shopper, elsewhere]) hasNoFaults(visit);
});

it("an account is made, an access token that ends is exchanged for the next, and what is not there is said so", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look } = shopper;
  await page.goto("/register?next=/orders");
  await look("register");
  await page.getByLabel("Name").fill("Ada Lovelace");
  await page.getByLabel("E-mail").fill("ada@shop.example");
  await page.getByLabel("Password").fill("a long password");
  await button(page, "Make an account").click();
  await heading(page, "You have not ordered anything yet").waitFor();
  await look("orders-none");
  const session = (): Promise<{ accessToken: string; refreshToken: string }> =>
    page.evaluate("JSON.parse(localStorage.getItem('shop.session'))");
  const first = await session();
  await page.evaluate(
    "localStorage.setItem('shop.session', JSON.stringify({...JSON.parse(localStorage.getItem('shop.session')), accessUntilMs: 0}))",
  );
  // Several parts of the page need the next token at once; a refresh token that is used twice would end the session.
  await page.goto("/profile");
  await page.getByLabel("Name", { exact: true }).waitFor();
  const next = await session();
  expect(next.refreshToken).not.toBe(first.refreshToken);
  await link(page, "Orders").click();
  await heading(page, "You have not ordered anything yet").waitFor();

  await page.goto("/orders/none");
  await heading(page, "There is no such order").waitFor();
  await page.goto("/products/none");
  await heading(page, "There is no such product").waitFor();
  const nowhere = await page.goto("/nowhere");
  expect(nowhere?.status()).toBe(404);
  await heading(page, "There is nothing here").waitFor();
  await look("nothing-here");
  hasNoFaults(shopper);
});
