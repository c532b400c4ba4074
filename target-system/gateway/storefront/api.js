import { send } from "./http.js";
import { accessToken, currentSession } from "./session.js";
import { Trouble } from "./trouble.js";

/**
 * Asks the gateway in the name of whoever is logged in, or of nobody.
 * @template T
 * @param {string} path
 * @param {import("./http.js").Ask} [options]
 * @returns {Promise<T>}
 * @throws {Trouble}
 */
export async function ask(path, options = {}) {
  if (currentSession() === null) return /** @type {T} */ (await send(path, options));
  const token = await accessToken();
  try {
    return /** @type {T} */ (await send(path, withToken(options, token)));
  } catch (error) {
    if (!(error instanceof Trouble) || error.status !== 401) throw error;
    // Refused before anything was done: to ask again with the next token is safe.
    return /** @type {T} */ (await send(path, withToken(options, await accessToken(token))));
  }
}

/**
 * As {@link ask}, of what is the same for everybody: it must not fail because accounts do.
 * @template T
 * @param {string} path
 * @param {import("./http.js").Ask} [options]
 * @returns {Promise<T>}
 */
export async function askAsAnybody(path, options) {
  return /** @type {T} */ (await send(path, options));
}

/** @param {import("./http.js").Ask} ask @param {string} token */
function withToken(ask, token) {
  return { ...ask, headers: { ...ask.headers, authorization: `Bearer ${token}` } };
}

/** A key that nobody else has. (`randomUUID` is there on secure origins only.) */
export function randomKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
