import { ask } from "./api.js";
import { currentSession } from "./session.js";
import { stored } from "./stored.js";
import { troubleOf } from "./trouble.js";

/**
 * The basket, kept in this browser and, for those who are logged in, in the shop. This browser's is what is shown and
 * ordered; a save that fails is made up for with the next one.
 *
 * @import { Item, Product } from "./types.js"
 *
 * @typedef {object} Line what was put in, with what it was called and cost then
 * @property {string} productId
 * @property {number} quantity
 * @property {string} [name]
 * @property {string} [category]
 * @property {number} [priceCents]
 *
 * @typedef {object} Basket
 * @property {readonly Line[]} lines
 * @property {string | null} owner the user in whose basket in the shop it is; null: nobody's yet
 * @property {boolean} isSaved
 */

export const mostOfOne = 99;

const kept = stored("basket", /** @type {Basket} */ ({ lines: [], owner: null, isSaved: true }));
const changes = new EventTarget();

/** @returns {Basket} */
export function basket() {
  return kept.read();
}

/** @param {() => void} listener @param {AbortSignal} [signal] */
export function onBasketChange(listener, signal) {
  changes.addEventListener("change", listener, signal && { signal });
  kept.onChangeElsewhere(listener, signal);
}

export function basketCount() {
  return basket().lines.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** @param {readonly Line[]} lines @returns {readonly Item[]} */
export function itemsOf(lines) {
  return lines.map(({ productId, quantity }) => ({ productId, quantity }));
}

/** @param {Product} product @param {number} quantity */
export function addToBasket({ id, name, category, priceCents }, quantity) {
  const { lines } = basket();
  const known = lines.find(({ productId }) => productId === id);
  const line = {
    productId: id,
    quantity: Math.min((known?.quantity ?? 0) + quantity, mostOfOne),
    name,
    priceCents,
    ...(category !== undefined && { category }),
  };
  change(known === undefined ? [...lines, line] : lines.map((other) => (other === known ? line : other)));
}

/** @param {string} productId @param {number} quantity 0 takes it out */
export function setQuantity(productId, quantity) {
  change(
    basket().lines.flatMap((line) => {
      if (line.productId !== productId) return [line];
      return quantity < 1 ? [] : [{ ...line, quantity: Math.min(quantity, mostOfOne) }];
    }),
  );
}

/** Takes out what was ordered, and leaves what was put in since. @param {readonly Item[]} items */
export function takeOutOrdered(items) {
  const ordered = new Map(items.map(({ productId, quantity }) => [productId, quantity]));
  change(
    basket().lines.flatMap((line) => {
      const quantity = line.quantity - (ordered.get(line.productId) ?? 0);
      return quantity < 1 ? [] : [{ ...line, quantity }];
    }),
  );
}

/** What was learned of the products in it; no change of the basket. @param {readonly Product[]} products */
export function rememberProducts(products) {
  const byId = new Map(products.map((product) => [product.id, product]));
  const now = basket();
  const lines = now.lines.map((line) => {
    const product = byId.get(line.productId);
    return product === undefined
      ? line
      : {
          ...line,
          name: product.name,
          priceCents: product.priceCents,
          ...(product.category !== undefined && { category: product.category }),
        };
  });
  kept.write({ ...now, lines });
}

/** Who logs out leaves nothing behind: theirs is in the shop. */
export function leaveBasket() {
  write({ lines: [], owner: null, isSaved: true });
}

/** @param {readonly Line[]} lines */
function change(lines) {
  write({ ...basket(), lines, isSaved: false });
  void agree();
}

/** @param {Basket} next */
function write(next) {
  kept.write(next);
  changes.dispatchEvent(new Event("change"));
}

/** @type {Promise<void>} */
let agreed = Promise.resolve();

/**
 * Makes this browser's basket and the user's in the shop one. One save at a time, so that none overtakes another.
 * @param {{pull?: boolean}} [options] `pull`: another browser may have changed it
 * @returns {Promise<void>} rejects for no trouble of the shop's: the basket is kept here, and the next change saves it
 */
export function agree({ pull = false } = {}) {
  agreed = agreed.then(async () => {
    try {
      if (pull || basket().owner !== currentSession()?.userId) await takeOver();
      await save();
    } catch (error) {
      troubleOf(error);
    }
  });
  return agreed;
}

/** Takes the shop's, unless this browser knows better. */
async function takeOver() {
  const session = currentSession();
  if (session === null) return;
  const { items: theirs } = /** @type {{items: readonly Item[]}} */ (await ask("/api/basket"));
  const { lines: mine, owner, isSaved } = basket();
  if (owner === session.userId && !isSaved) return;
  const lines =
    owner === null
      ? merged(mine, theirs)
      : theirs.map((item) => ({ ...mine.find(({ productId }) => productId === item.productId), ...item }));
  write({
    lines,
    owner: session.userId,
    isSaved: JSON.stringify(itemsOf(lines)) === JSON.stringify(theirs),
  });
}

/**
 * Of each product the larger number: to merge again changes nothing.
 * @param {readonly Line[]} mine @param {readonly Item[]} theirs @returns {readonly Line[]}
 */
function merged(mine, theirs) {
  const added = theirs.filter((item) => mine.every(({ productId }) => productId !== item.productId));
  const quantityThere = new Map(theirs.map(({ productId, quantity }) => [productId, quantity]));
  return [
    ...mine.map((line) => ({
      ...line,
      quantity: Math.max(line.quantity, quantityThere.get(line.productId) ?? 0),
    })),
    ...added,
  ];
}

/** Until the shop has what is here. */
async function save() {
  for (;;) {
    const session = currentSession();
    const { lines, isSaved } = basket();
    if (session === null || isSaved) return;
    const items = itemsOf(lines);
    await ask("/api/basket", { method: "PUT", body: { items } });
    const now = basket();
    if (JSON.stringify(itemsOf(now.lines)) === JSON.stringify(items))
      write({ ...now, owner: session.userId, isSaved: true });
  }
}

addEventListener("online", () => void agree());
