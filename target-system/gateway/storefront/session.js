import { send } from "./http.js";
import { stored } from "./stored.js";
import { Trouble } from "./trouble.js";

/**
 * Who is logged in, in all tabs of this browser. A refresh token is good once, and an old one that comes back ends the
 * session: so one tab refreshes at a time, and the others take what it got.
 *
 * @typedef {object} Session
 * @property {string} userId
 * @property {string} accessToken
 * @property {number} accessUntilMs epoch milliseconds, by this browser's clock
 * @property {string} refreshToken
 *
 * @import { Tokens } from "./types.js"
 */

const kept = stored("session", /** @type {Session | null} */ (null));
const changes = new EventTarget();

/** Before a token ends it is exchanged: a request that is on its way must not find it over. */
const refreshAheadMs = 30_000;

/** @returns {Session | null} */
export function currentSession() {
  return kept.read();
}

/** @param {() => void} listener told when somebody logs in or out, also in another tab */
export function onSessionChange(listener) {
  changes.addEventListener("change", listener);
  kept.onChangeElsewhere(listener);
}

/** @param {string} email @param {string} password */
export async function logIn(email, password) {
  keep(await send("/api/login", { method: "POST", body: { email, password } }));
  changes.dispatchEvent(new Event("change"));
}

/** Ends the session here in any case. @throws {Trouble} when the shop could not be told */
export async function logOut() {
  const session = kept.read();
  forget();
  if (session !== null)
    await send("/api/logout", { method: "POST", body: { refreshToken: session.refreshToken } });
}

/**
 * A good access token, refreshed where it has to be.
 * @param {string} [refused] one that the shop did not accept
 * @returns {Promise<string>}
 * @throws {Trouble} `not-logged-in`, `session-over`, or no answer
 */
export async function accessToken(refused) {
  const session = kept.read();
  if (session === null) throw new Trouble("refused", { status: 401, code: "not-logged-in" });
  if (isFresh(session, refused)) return session.accessToken;
  return oneAtATime(async () => {
    const latest = kept.read();
    if (latest === null) throw new Trouble("refused", { status: 401, code: "session-over" });
    return isFresh(latest, refused) ? latest.accessToken : refresh(latest, refused);
  });
}

/** @param {Session} session @param {string | undefined} refused */
function isFresh({ accessToken, accessUntilMs }, refused) {
  return accessToken !== refused && accessUntilMs - Date.now() > refreshAheadMs;
}

/** @param {Session} session @param {string | undefined} refused */
async function refresh({ refreshToken, accessToken, accessUntilMs }, refused) {
  try {
    return keep(await send("/api/refresh", { method: "POST", body: { refreshToken } })).accessToken;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    // While accounts do not answer, a token that is still good serves until its end.
    if (error.kind !== "refused" && accessToken !== refused && accessUntilMs > Date.now()) return accessToken;
    if (error.kind === "refused") forget();
    throw error;
  }
}

/** @param {unknown} answer @returns {Session} */
function keep(answer) {
  const { userId, accessToken, refreshToken, expiresInSeconds } = /** @type {Tokens} */ (answer);
  const session = {
    userId,
    accessToken,
    refreshToken,
    accessUntilMs: Date.now() + expiresInSeconds * 1_000,
  };
  kept.write(session);
  return session;
}

function forget() {
  kept.write(null);
  changes.dispatchEvent(new Event("change"));
}

/** @type {Promise<unknown>} */
let last = Promise.resolve();

/**
 * Across tabs where the browser can (it needs a secure origin for that), else within this one.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
function oneAtATime(work) {
  if ("locks" in navigator) return navigator.locks.request("shop.session", work);
  const mine = last.then(work);
  last = mine.catch(() => undefined);
  return mine;
}
