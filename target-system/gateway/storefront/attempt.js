import { randomKey } from "./api.js";
import { stored } from "./stored.js";

/**
 * One wish to order, under one key, from its first try until the shop has said what became of it. However often it is sent
 * meanwhile (again, after a reload, from another tab), the shop makes one order of it.
 *
 * @import { Item } from "./types.js"
 *
 * @typedef {object} Attempt
 * @property {string} userId
 * @property {string} key
 * @property {readonly Item[]} items
 * @property {string} [cardId]
 */

/** By user: people may share a browser. */
const kept = stored("attempts", /** @type {Readonly<Record<string, Attempt>>} */ ({}));

/** The attempt of this user whose outcome is not known. @param {string} userId @returns {Attempt | undefined} */
export function openAttempt(userId) {
  return kept.read()[userId];
}

/**
 * @param {Omit<Attempt, "key">} wish
 * @returns {Attempt} the open one, whatever is wished now; else a new one
 */
export function beginAttempt(wish) {
  const open = openAttempt(wish.userId);
  if (open !== undefined) return open;
  const attempt = { ...wish, key: randomKey() };
  kept.write({ ...kept.read(), [wish.userId]: attempt });
  return attempt;
}

/** The shop has said what became of it. @param {Attempt} attempt */
export function endAttempt({ userId, key }) {
  const attempts = kept.read();
  if (attempts[userId]?.key !== key) return;
  kept.write(Object.fromEntries(Object.entries(attempts).filter(([user]) => user !== userId)));
}
