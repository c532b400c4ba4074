import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBrowser, visit } from "./browser.fixture.ts";
import { startWholeShop, type WholeShop } from "./whole-shop.fixture.ts";

/** Cards and cancellation, as a shopper's browser shows them, with the whole shop behind it. */

let shop: WholeShop;
let browser: Browser;
const started = new AsyncDisposableStack();
beforeAll(async () => {
  shop = started.use(await startWholeShop());
  browser = started.adopt(await startBrowser(), (running) => running.close());
});
afterAll(() => started.disposeAsync());

async function toCheckout(page: Page, number: string, productId: string): Promise<void> {
  await page.goto(`/products/${productId}`);
  await page.getByRole("button", { name: "Add to basket", exact: true }).click();
  await page.goto("/log-in?next=/checkout");
  await page.getByLabel("E-mail").fill(`user-${number}@shop.example`);
  await page.getByLabel("Password").fill(`password-${number}`);
  await page.getByRole("button", { name: "Log in", exact: true }).click();
  await page.getByText("Use another card").waitFor();
}

async function addCard(page: Page, number: string): Promise<void> {
  await page.getByText("Use another card").click();
  await page.getByLabel("Card number").fill(number);
  await page.getByPlaceholder("MM/YY").fill("12/30");
  await page.getByLabel("CVC").fill("737");
  await page.getByRole("button", { name: "Use this card" }).click();
  await page.getByText("it will be used").waitFor();
}

const order = (page: Page) => page.getByRole("button", { name: "Order and pay" }).click();

it("a new card is sent once and forgotten; declined, another is taken, and the order is paid with that", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look, faults } = shopper;
  await toCheckout(page, "010", "p-0050");
  await look("checkout-cards");
  const sent: string[] = [];
  page.on("request", (request) => {
    if ((request.postData() ?? "").includes("4000000000000002")) sent.push(new URL(request.url()).pathname);
  });
  await addCard(page, "4000000000000002");
  expect(sent).toEqual(["/api/cards"]);
  expect(
    await page.evaluate("document.documentElement.outerHTML + JSON.stringify({...localStorage})"),
  ).not.toContain("4000000000000002");
  expect(await page.getByLabel("Card number").inputValue()).toBe("");
  await look("checkout-card-added");
  await order(page);
  await page.getByText(/Your card was declined. You were not charged/).waitFor();
  await look("checkout-card-declined");
  await page.getByRole("radio", { name: /4242/ }).check();
  await order(page);
  await page.getByRole("heading", { name: /^Confirmed/ }).waitFor();
  expect(faults).toEqual([]);
});

it("a confirmed order is cancelled when its customer says so twice, and the page follows until the money is back", async () => {
  await using shopper = await visit(browser, shop.url);
  const { page, look, faults } = shopper;
  await toCheckout(page, "011", "p-0051");
  await order(page);
  await page.getByRole("heading", { name: /^Confirmed/ }).waitFor();
  await page.getByText("What is in it").waitFor();
  const orderId = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  expect(await shop.held(orderId)).toEqual(["captured 1"]);
  await page.getByText("Cancel this order").click();
  await look("order-cancel");
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await page.getByRole("heading", { name: "Cancelled" }).waitFor();
  await page.getByText("Your money was given back.").waitFor();
  await look("order-refunded");
  expect(await shop.held(orderId)).toEqual(["refunded 1"]);
  await page.getByRole("button", { name: "Put these into the basket" }).click();
  await page.getByRole("link", { name: "Basket, 1 item" }).waitFor();
  expect(faults).toEqual([]);
});
